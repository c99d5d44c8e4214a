// Sound bytes with a few random edits each, which reach further than bytes that are random
// altogether; the fuzzers beside go on from there.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "halftone/v1/search_service.pb.h"
#include "nlohmann/json.hpp"
#include "search/solver/problem.h"
#include "tests/fuzz/exercise.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

constexpr int kMutations = 3000;

// What has a meaning in some of the formats.
constexpr const char* kWords[] = {
    "-1",   "1e999", "null", "[]",  "{}", "\"\"",    "\"nan\"",
    ",",    "\n",    "true", "0.5", ":",  "-1e-400", "18446744073709551616",
    "w8a8", "\xff"};

std::string Mutated(std::string bytes, SplitMix64& random) {
  const auto draw = [&random](size_t most) { return static_cast<size_t>(random() % (most + 1)); };
  for (size_t edit = 0; edit <= draw(3); ++edit) {
    const size_t at = draw(bytes.size()), length = draw(std::min<size_t>(20, bytes.size() - at));
    switch (draw(3)) {
      case 0:
        bytes.erase(at, length);
        break;
      case 1:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 2:
        bytes.replace(at, length, kWords[draw(std::size(kWords) - 1)]);
        break;
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(draw(255));
    }
  }
  return bytes;
}

struct Subject {
  std::string name;
  absl::Status (*exercise)(absl::string_view bytes);
  std::function<std::vector<std::string>()> make;  // sound bytes
};
void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name; }

std::vector<std::string> Problems() {
  std::vector<std::string> texts;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    texts.push_back(ProblemToJson(RandomProblem({.seed = seed,
                                                 .layers = 3,
                                                 .choices = 2,
                                                 .edges = 0.5,
                                                 .interactions = seed == 1 ? 1.0 : 0.0,
                                                 .rows = seed == 2 ? 2 : 0}))
                        .dump());
  }
  return texts;
}

std::vector<std::string> Accelerators() {
  std::vector<std::string> texts;
  for (const char* name : {"bitfusion", "gap8-like", "nvidia-t4"}) {
    const std::string path = std::string(HALFTONE_SOURCE_DIR) + "/profilers/simulated/" + name;
    texts.push_back(ReadFile(path + ".json").value());
  }
  return texts;
}

std::vector<std::string> CostTables() {
  return {
      R"({"layers": [{"name": "a", "precision": "f32", "latency_ns": 1, "energy_pj": 2},
                     {"name": "b", "precision": "w8a8", "latency_ns": 3}],
          "edges": [{"from": "a", "to": "b", "from_precision": "f32", "to_precision": "w8a8",
                     "latency_ns": 5}], "fixed_latency_ns": 7})",
      "layer,precision,latency_ns,energy_pj,to_layer,to_precision,batch\n"
      "a,f32,1,2,,,\n\"b, c\",w8a8,3,4,,,\na,f32,5,,\"b, c\",w8a8,\n,,7,,,,\n"};
}

std::vector<std::string> Requests() {
  v1::CreateJobRequest search;
  v1::SearchSpec* spec = search.mutable_spec();
  spec->set_model("models/" + std::string(64, 'a'));
  spec->set_calibration_dataset("datasets/" + std::string(64, 'b'));
  spec->set_target("bitfusion");
  for (const char* precision : {"w8a8", "w4a4"}) spec->add_precisions(precision);
  v1::Budget* budget = spec->add_budgets();
  budget->set_metric("latency");
  budget->set_limit("0.5x");
  (*spec->mutable_pins())["conv*"] = "w8a8";
  spec->mutable_rules()->set_first_layer("8");
  spec->mutable_sensitivity()->set_samples(64);
  spec->set_time_limit_seconds(1.5);
  spec->set_strategy("evolutionary");
  spec->add_objectives("size");
  v1::CreateJobRequest crosscheck;
  crosscheck.mutable_crosscheck()->set_model(spec->model());
  crosscheck.mutable_crosscheck()->set_calibration_dataset(spec->calibration_dataset());
  return {search.SerializeAsString(), crosscheck.SerializeAsString()};
}

class MutationTest : public ::testing::TestWithParam<Subject> {};

TEST_P(MutationTest, SoundBytesAreReadAndEditedOnesToo) {
  SplitMix64 random(1);
  for (const std::string& sound : GetParam().make()) {
    ASSERT_TRUE(GetParam().exercise(sound).ok()) << sound;
    for (int i = 0; i < kMutations; ++i) {
      const std::string bytes = Mutated(sound, random);
      const absl::Status status = GetParam().exercise(bytes);
      ASSERT_TRUE(status.ok()) << status << "\nof " << ::testing::PrintToString(bytes);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MutationTest,
                         ::testing::Values(Subject{"Problem", ExerciseProblem, Problems},
                                           Subject{"Accelerator", ExerciseTargetFile, Accelerators},
                                           Subject{"CostTable", ExerciseTargetFile, CostTables},
                                           Subject{"CreateJob", ExerciseCreateJob, Requests}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace halftone
