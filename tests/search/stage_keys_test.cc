#include "search/stage_keys.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

// A stage's output is taken from the store by its key: what the stage reads of a spec, and no
// other stage told it, has to be in the key, or a stale answer is served.
namespace halftone {
namespace {

using nlohmann::json;
using testing::ContainerEq;

struct Change {
  std::string value;   // JSON, of another value than that of BaseSpec
  std::string stages;  // those that read the field: letters of Keys
};

SearchSpec BaseSpec() {
  SearchSpec spec;
  spec.rules.max_changes = 2;
  spec.quantization.weight_range =
      spec.quantization.activation_range = {RangeMethod::kPercentile, 99.5};
  return spec;
}

// By the field's path in the spec's JSON. The stages: Import, Offer, Calibrate, Sensitivity,
// Profile, solVe, Meter (the divergences of assignments), Refine, vAlidate, Export.
const std::map<std::string, Change>& Changes() {
  static const auto* changes = new std::map<std::string, Change>{
      {"model", {R"("m")", "ICSPMRAE"}},
      {"calibration", {R"("c")", "CSMRA"}},
      {"evaluation", {R"("e")", "A"}},
      {"target", {R"("bitfusion")", "OPA"}},
      {"precisions", {R"(["w4a8"])", "O"}},  // calibrate and profile are told which were offered
      {"budgets", {R"(["size=0.5x"])", "VR"}},
      {"frontier", {R"("size")", "VR"}},
      {"use_ties", {"false", "VR"}},
      {"batch", {"7", "PVRA"}},
      {"threads", {"3", "PA"}},
      {"samples_at_most", {"true", ""}},  // of warnings alone
      {"refresh", {"true", ""}},          // it asks to do without what is stored
      {"evaluations", {"12", "R"}},
      {"strategy", {R"("evolutionary")", "R"}},
      {"objectives", {R"(["size"])", "R"}},
      {"robust", {"1.5", "VR"}},
      {"pins", {R"({"conv": "w4a8"})", "VR"}},
      {"rules.allowed", {R"({"fc*": ["w8a8"]})", "VR"}},
      {"rules.groups", {R"([["a", "b"]])", "VR"}},
      {"rules.first_layer", {R"("8")", "VR"}},
      {"rules.last_layer", {R"("8")", "VR"}},
      {"rules.loss_factors", {R"({"fc": 2})", "VR"}},
      {"rules.max_changes", {"3", "VR"}},
      {"explain", {"false", "VR"}},
      {"time_limit_seconds", {"1.5", "VR"}},
      {"quantization.weight_symmetry", {R"("symmetric-full")", "CS"}},
      {"quantization.weights_per_channel", {"false", "CS"}},
      {"quantization.weight_range.method", {R"("mse")", "CS"}},
      {"quantization.weight_range.percentile", {"99", "CS"}},
      {"quantization.bias_correction", {"false", "CS"}},
      {"quantization.activation_symmetry", {R"("symmetric-full")", "CS"}},
      {"quantization.activation_range.method", {R"("mse")", "CS"}},
      {"quantization.activation_range.percentile", {"99", "CS"}},
      {"sensitivity.samples", {"64", "CSMRA"}},
      {"sensitivity.seed", {"9", "SR"}},
      {"sensitivity.method", {R"("fisher")", "S"}},
      {"sensitivity.loss", {R"("kl")", "S"}},
      {"sensitivity.draws", {"9", "S"}},
      {"sensitivity.exact_classes", {"9", "S"}},
      {"sensitivity.probes", {"9", "S"}},
      {"sensitivity.tolerance", {"0.5", "S"}},
      {"sensitivity.eigenvalues", {"9", "S"}},
      {"sensitivity.network_eigenvalues", {"9", "S"}},
      {"sensitivity.batch", {"9", "S"}},
      {"sensitivity.interactions", {"true", "S"}},
      {"sensitivity.resamples", {"9", "S"}},
      {"sensitivity.joint_assignments", {"9", "S"}},
      {"sensitivity.pairs", {R"("neighbours")", "S"}},
  };
  return *changes;
}

// The paths of all fields; lists, and objects with names that users give, are fields as a whole.
void AddPaths(const json& object, const std::string& prefix, std::set<std::string>& paths) {
  static const std::set<std::string> parts = {"rules", "quantization", "sensitivity",
                                              "quantization.weight_range",
                                              "quantization.activation_range"};
  for (const auto& [name, value] : object.items()) {
    const std::string path = prefix + name;
    if (parts.count(path) > 0) {
      AddPaths(value, path + ".", paths);
    } else {
      paths.insert(path);
    }
  }
}

json::json_pointer PointerTo(const std::string& path) {
  std::string pointer = "/" + path;
  for (char& c : pointer) c = c == '.' ? '/' : c;
  return json::json_pointer(pointer);
}

std::map<char, std::string> Keys(const SearchSpec& spec) {
  const std::vector<Precision> offered = {Precision::Int(8, 8)};
  return {{'I', ImportKey(spec)},
          {'O', OfferKey(spec)},
          {'C', CalibrateKey(spec, offered)},
          {'S', SensitivityKey(spec, offered, "x")},
          {'P', ProfileKey(spec, offered)},
          {'V', SolveKey(spec, "i", "s", "p")},
          {'M', MeterKey(spec, "c", "x")},
          {'R', RefineKey(spec, "c", "x", "s", "v")},
          {'A', ValidateKey(spec, "c", "v", "r", "m")},
          {'E', ExportKey(spec, "v", "r", "a")}};
}

TEST(StageKeysTest, ThisTestKnowsEveryField) {
  std::set<std::string> fields, known;
  AddPaths(SearchSpecToJson(BaseSpec()), "", fields);
  for (const auto& [path, change] : Changes()) known.insert(path);
  EXPECT_THAT(fields, ContainerEq(known));
}

TEST(StageKeysTest, AChangedFieldChangesTheKeysOfTheStagesThatReadIt) {
  const json base = SearchSpecToJson(BaseSpec());
  const std::map<char, std::string> before = Keys(BaseSpec());
  for (const auto& [path, change] : Changes()) {
    json document = base;
    document[PointerTo(path)] = json::parse(change.value);
    const absl::StatusOr<SearchSpec> spec = SearchSpecFromJson(document);
    ASSERT_TRUE(spec.ok()) << path << ": " << spec.status();
    ASSERT_NE(SearchSpecToJson(*spec), base) << path << " is as it was";
    std::set<char> changed;
    for (const auto& [stage, key] : Keys(*spec)) {
      if (key != before.at(stage)) changed.insert(stage);
    }
    EXPECT_THAT(changed, ContainerEq(std::set<char>(change.stages.begin(), change.stages.end())))
        << path;
  }
}

// What the stages before found is in the key, and what was offered.
TEST(StageKeysTest, SoDoTheOutputsOfEarlierStages) {
  const SearchSpec spec = BaseSpec();
  std::set<std::string> keys = {SolveKey(spec, "i", "s", "p"),
                                SolveKey(spec, "I", "s", "p"),
                                SolveKey(spec, "i", "S", "p"),
                                SolveKey(spec, "i", "s", "P"),
                                MeterKey(spec, "c", ""),
                                MeterKey(spec, "C", ""),
                                MeterKey(spec, "c", "x"),
                                RefineKey(spec, "c", "", "s", "v"),
                                RefineKey(spec, "C", "", "s", "v"),
                                RefineKey(spec, "c", "x", "s", "v"),
                                RefineKey(spec, "c", "", "S", "v"),
                                RefineKey(spec, "c", "", "s", "V"),
                                ValidateKey(spec, "c", "v", "r", "m"),
                                ValidateKey(spec, "C", "v", "r", "m"),
                                ValidateKey(spec, "c", "V", "r", "m"),
                                ValidateKey(spec, "c", "v", "R", "m"),
                                ValidateKey(spec, "c", "v", "r", "M"),
                                ExportKey(spec, "v", "r", "a"),
                                ExportKey(spec, "V", "r", "a"),
                                ExportKey(spec, "v", "R", "a"),
                                ExportKey(spec, "v", "r", "A")};
  for (const Precision& precision : {Precision::Int(8, 8), Precision::Int(4, 4)}) {
    keys.insert(CalibrateKey(spec, {precision}));
    keys.insert(SensitivityKey(spec, {precision}, ""));
    keys.insert(SensitivityKey(spec, {precision}, "x"));
    keys.insert(SensitivityKey(spec, {precision}, "y"));
    keys.insert(ExecutionKey(spec, {{precision}, {}, {}, "m"}));
    keys.insert(ExecutionKey(spec, {{precision}, {}, {}, "M"}));
    keys.insert(ProfileKey(spec, {precision}));
  }
  EXPECT_EQ(keys.size(), 21u + 14u);
}

// All that is of the network itself.
TEST(StageKeysTest, WhatInputsWereMadeOfIsInTheKeys) {
  SearchSpec spec = BaseSpec();
  const std::map<char, std::string> before = Keys(spec);
  const std::string asked = InputsKey(spec);
  spec.inputs_identity = "1:x[N, 3, 16, 16]@0;";
  EXPECT_EQ(InputsKey(spec), asked);
  std::set<char> changed;
  for (const auto& [stage, key] : Keys(spec)) {
    if (key != before.at(stage)) changed.insert(stage);
  }
  EXPECT_THAT(changed, ContainerEq(std::set<char>{'I', 'C', 'S', 'P', 'M', 'R', 'A'}));
  spec.inputs.axes["H"] = 16;
  EXPECT_NE(InputsKey(spec), asked);
}

// Likewise as what its outputs count.
TEST(StageKeysTest, HeadsAreInTheKeys) {
  SearchSpec spec = BaseSpec();
  const std::map<char, std::string> before = Keys(spec);
  spec.heads["y"] = {HeadKind::kMse, 2};
  const std::map<char, std::string> mse = Keys(spec);
  spec.heads["y"] = {HeadKind::kMse, 3};
  const std::map<char, std::string> heavier = Keys(spec);
  for (const char stage : {'I', 'C', 'S', 'P', 'M', 'R', 'A'}) {
    EXPECT_NE(mse.at(stage), before.at(stage)) << stage;
    EXPECT_NE(mse.at(stage), heavier.at(stage)) << stage;
  }
}

// Losses of weights alone say nothing of how the target executes.
TEST(StageKeysTest, WhatATargetStatesIsInTheKeysOfWhatItChanges) {
  SearchSpec spec = BaseSpec();
  const std::vector<Precision> offered = {Precision::Int(8, 8)};
  for (const auto& [method, depends] : {std::pair(SensitivityMethod::kFisherCorrected, true),
                                        std::pair(SensitivityMethod::kOutput, true),
                                        std::pair(SensitivityMethod::kHessianForm, false),
                                        std::pair(SensitivityMethod::kHawqV3, false)}) {
    spec.sensitivity.method = method;
    EXPECT_EQ(SensitivityKey(spec, offered, "") != SensitivityKey(spec, offered, "x"), depends);
    const TableNames silent = TableNamesOf(spec, {offered, offered, {}, ""}, "");
    EXPECT_EQ(silent.execution.key, "");
    EXPECT_EQ(silent.sensitivity.key, SensitivityKey(spec, offered, ""));
    const TableNames names = TableNamesOf(spec, {offered, offered, {}, "m"}, "x");
    EXPECT_EQ(names.execution.key, ExecutionKey(spec, names.offer));
    EXPECT_EQ(names.sensitivity.key, SensitivityKey(spec, offered, "x"));
  }
}

}  // namespace
}  // namespace halftone
