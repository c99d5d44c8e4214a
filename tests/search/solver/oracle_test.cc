#include <map>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/solver.h"
#include "search/solver/verify_bound.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string LayerName(const json& index) { return absl::StrCat("l", index.get<int>()); }
std::string ChoiceName(const json& index) { return absl::StrCat("c", index.get<int>()); }

// A large problem is stored by what it was drawn from.
Problem Draw(const json& seeded) {
  RandomProblemOptions options;
  options.seed = seeded["seed"];
  options.layers = seeded["layers"];
  options.choices = seeded["choices"];
  options.budgets = seeded["budgets"];
  options.tightness = seeded["tightness"];
  return RandomProblem(options);
}

// The compact form that make_oracle.py writes.
Problem Unpack(const json& packed) {
  if (packed.contains("seeded")) return Draw(packed["seeded"]);
  Problem problem;
  for (const json& packed_layer : packed["layers"]) {
    Problem::Layer layer;
    layer.name = absl::StrCat("l", problem.layers.size());
    for (const json& row : packed_layer) {
      Problem::Choice choice;
      choice.name = absl::StrCat("c", layer.choices.size());
      choice.loss = row[0];
      for (size_t k = 1; k < row.size(); ++k) choice.cost[absl::StrCat("m", k - 1)] = row[k];
      layer.choices.push_back(std::move(choice));
    }
    problem.layers.push_back(std::move(layer));
  }
  for (size_t k = 0; k < packed["budgets"].size(); ++k) {
    problem.budgets[absl::StrCat("m", k)] = packed["budgets"][k];
  }
  for (const json& packed_edge : packed.value("edges", json::array())) {
    Problem::Edge edge{LayerName(packed_edge[0]), LayerName(packed_edge[1]), {}};
    for (size_t a = 0; a < packed_edge[2].size(); ++a) {
      for (size_t b = 0; b < packed_edge[2][a].size(); ++b) {
        edge.costs.push_back({absl::StrCat("c", a),
                              absl::StrCat("c", b),
                              {{"m0", packed_edge[2][a][b].get<double>()}}});
      }
    }
    problem.edges.push_back(std::move(edge));
  }
  for (const json& one : packed.value("interactions", json::array())) {
    problem.interactions.push_back({{LayerName(one[0]), ChoiceName(one[1])},
                                    {LayerName(one[2]), ChoiceName(one[3])},
                                    one[4].get<double>()});
  }
  return problem;
}

// Problems too large for brute force, with the optima that another solver proved.
TEST(OracleTest, EveryOptimumEqualsTheMixedIntegerSolvers) {
  const auto text = ReadFile(HALFTONE_SOURCE_DIR "/tests/data/solver_oracle.json");
  ASSERT_TRUE(text.ok()) << text.status();
  const json document = json::parse(*text);
  std::map<std::string, int> seen;
  int verified_optimal = 0;
  for (const json& packed : document["problems"]) {
    SCOPED_TRACE(packed["name"].get<std::string>());
    const Problem problem = Unpack(packed);
    const auto solution = Solve(problem, {.time_limit = absl::Seconds(120)});
    ASSERT_TRUE(solution.ok()) << solution.status();
    EXPECT_EQ(SolutionStatusName(solution->status), packed["status"].get<std::string>());
    const auto verified = VerifySolution(problem, *solution, Cancellation(), {.max_steps = 2e6});
    ASSERT_TRUE(verified.ok()) << verified.status();
    verified_optimal += verified->optimal;
    ++seen[packed["status"]];
    if (packed["status"] == "INFEASIBLE") continue;
    // HiGHS keeps budgets to 1e-6 only, so that its optimum may be a little below.
    const double expected = packed["loss"];
    EXPECT_NEAR(solution->loss, expected, 1e-6 * std::max(1.0, std::abs(expected)));
    EXPECT_NEAR(verified->lower_bound, solution->loss, 0.05 * std::abs(solution->loss));
  }
  EXPECT_GE(seen["OPTIMAL"], 35);
  EXPECT_GE(seen["INFEASIBLE"], 1);
  EXPECT_GE(verified_optimal, 40);
}

}  // namespace
}  // namespace halftone
