#include "base/files.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/solver.h"

namespace halftone {
namespace {

// The nine published cases of HAWQ-V3 for ResNet-18 (tests/data/README.md).
TEST(HawqTest, AllPublishedCasesAreReproduced) {
  const auto text = ReadFile(HALFTONE_SOURCE_DIR "/tests/data/hawq_v3_resnet18.json");
  ASSERT_TRUE(text.ok()) << text.status();
  const nlohmann::json document = nlohmann::json::parse(*text);
  ASSERT_EQ(document["cases"].size(), 9u);
  for (const nlohmann::json& one : document["cases"]) {
    SCOPED_TRACE(one["case"].get<std::string>());
    const auto problem = ProblemFromJson(one["problem"]);
    ASSERT_TRUE(problem.ok()) << problem.status();
    const auto solution = Solve(*problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(solution->status, Solution::Status::kOptimal);
    EXPECT_NEAR(solution->loss, one["expected_loss"].get<double>(), 1e-12);
    EXPECT_TRUE(CheckSolution(*problem, *solution).ok());
    for (size_t i = 0; i < problem->layers.size(); ++i) {
      const int bits = one["expected_bits"][i].get<int>();
      EXPECT_EQ(solution->assignment.at(problem->layers[i].name),
                absl::StrCat("w", bits, "a", bits));
    }
  }
}

}  // namespace
}  // namespace halftone
