#include <algorithm>
#include <functional>
#include <map>

#include "base/infinity.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "search/solver/compile.h"
#include "search/solver/solver.h"
#include "search/solver/verify_bound.h"
#include "tests/search/solver/all_assignments.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

double Excess(const Problem& problem, const Costs& costs) {
  double excess = 0;
  for (const auto& [metric, limit] : LimitsOf(problem)) {
    double scale = limit;
    if (limit == 0) {
      for (const Problem::Layer& layer : problem.layers) {
        for (const Problem::Choice& choice : layer.choices) {
          scale = std::max(scale, CostOf(choice.cost, metric));
        }
      }
    }
    if (scale == 0) scale = 1;
    excess += std::max(0.0, CostOf(costs, metric) - limit) / scale;
  }
  return excess;
}

void CheckInfeasible(const Problem& problem, const std::vector<FrontierPoint>& all,
                     const Solution& solution) {
  ASSERT_TRUE(solution.infeasible.has_value());
  const std::map<std::string, double> limits = LimitsOf(problem);
  for (const auto& [metric, limit] : limits) {
    double least = kInfinity;
    for (const FrontierPoint& point : all) least = std::min(least, CostOf(point.cost, metric));
    EXPECT_NEAR(solution.infeasible->minimum.at(metric), least, 1e-12);
  }
  double least_excess = kInfinity;
  for (const FrontierPoint& point : all) {
    least_excess = std::min(least_excess, Excess(problem, point.cost));
  }
  EXPECT_NEAR(Excess(problem, solution.infeasible->nearest.cost), least_excess, 1e-8);
  // No smaller set conflicts, and the one that is named does.
  const auto conflicts = [&](const std::vector<std::string>& metrics) {
    return std::none_of(all.begin(), all.end(), [&](const FrontierPoint& point) {
      return std::all_of(metrics.begin(), metrics.end(), [&](const std::string& metric) {
        return CostOf(point.cost, metric) <= limits.at(metric) * (1 + 1e-9);
      });
    });
  };
  EXPECT_TRUE(conflicts(solution.infeasible->conflict));
  std::vector<std::string> names;
  for (const auto& [metric, limit] : limits) names.push_back(metric);
  for (unsigned set = 1; set < 1u << names.size(); ++set) {
    std::vector<std::string> metrics;
    for (size_t k = 0; k < names.size(); ++k) {
      if (set >> k & 1) metrics.push_back(names[k]);
    }
    if (metrics.size() < solution.infeasible->conflict.size()) {
      EXPECT_FALSE(conflicts(metrics));
    }
  }
}

// The smallest value of each limit that all others allow, and the least loss within it.
void CheckRelaxations(const Problem& problem, const std::vector<FrontierPoint>& all,
                      const Solution::Infeasible& infeasible) {
  for (const auto& [metric, limit] : LimitsOf(problem)) {
    double least = kInfinity, loss = kInfinity;
    for (const FrontierPoint& point : all) {
      if (Keeps(problem, point.cost, metric)) least = std::min(least, CostOf(point.cost, metric));
    }
    for (const FrontierPoint& point : all) {
      if (!Keeps(problem, point.cost, metric)) continue;
      if (CostOf(point.cost, metric) <= least * (1 + 1e-9))
        loss = std::min(loss, point.Minimized());
    }
    const auto found = infeasible.relaxations.find(metric);
    ASSERT_EQ(found != infeasible.relaxations.end(), least < kInfinity) << metric;
    if (found == infeasible.relaxations.end()) continue;
    EXPECT_NEAR(found->second.limit, least, 1e-9) << metric;
    EXPECT_NEAR(found->second.loss, loss, 1e-9) << metric;
  }
}

void CheckFrontier(const Problem& problem, std::vector<FrontierPoint> all,
                   const Solution& solution) {
  std::erase_if(all, [&](const FrontierPoint& point) {
    return !Keeps(problem, point.cost, problem.frontier);
  });
  std::sort(all.begin(), all.end(), [&](const FrontierPoint& a, const FrontierPoint& b) {
    return std::pair(a.Minimized(), CostOf(a.cost, problem.frontier)) <
           std::pair(b.Minimized(), CostOf(b.cost, problem.frontier));
  });
  std::vector<std::pair<double, double>> expected;
  double least = kInfinity;
  for (const FrontierPoint& point : all) {
    const double cost = CostOf(point.cost, problem.frontier);
    if (cost >= least - 1e-12) continue;
    least = cost;
    // A point that differs by rounding alone replaces the one before it.
    if (!expected.empty() && point.Minimized() - expected.back().first < 1e-12) {
      expected.pop_back();
    }
    expected.emplace_back(point.Minimized(), cost);
  }
  ASSERT_EQ(solution.frontier.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const FrontierPoint& point = solution.frontier[expected.size() - 1 - i];
    EXPECT_NEAR(point.Minimized(), expected[i].first, 1e-9);
    EXPECT_NEAR(CostOf(point.cost, problem.frontier), expected[i].second, 1e-9);
    EXPECT_NEAR(point.Bound(), point.Minimized(), 1e-12);
  }
}

// The separate check proves the answer, and refuses a worse one that claims to be optimal.
void CheckVerification(const Problem& problem, const std::vector<FrontierPoint>& all,
                       const Solution& solution) {
  const auto verified = VerifySolution(problem, solution, Cancellation());
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_TRUE(verified->optimal);
  if (solution.status == Solution::Status::kInfeasible) return;
  EXPECT_EQ(verified->lower_bound, solution.AsPoint().Bound());
  for (const FrontierPoint& point : all) {
    const double least = solution.AsPoint().Minimized();
    if (!Keeps(problem, point.cost) || point.Minimized() < least + 1e-6) continue;
    Solution worse = solution;
    worse.SetPoint(point);
    worse.frontier.clear();
    const auto refused = VerifySolution(problem, worse, Cancellation());
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kInternal) << refused.status();
    return;
  }
}

struct Kind {
  std::string name;
  RandomProblemOptions options;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class BruteForceTest : public testing::TestWithParam<Kind> {};

TEST_P(BruteForceTest, AgreesOnRandomProblems) {
  int feasible = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    RandomProblemOptions options = GetParam().options;
    options.seed = seed;
    const double span[] = {-0.1, 0.1, 0.3, 0.5, 0.9};
    options.tightness = span[seed % 5];
    options.layers = 2 + static_cast<int>(seed % static_cast<uint64_t>(options.layers));
    Problem problem = RandomProblem(options);
    for (auto& [metric, limit] : problem.budgets) limit = std::max(0.0, limit);
    if (options.budgets > 0 && seed % 2 == 0) problem.frontier = "m0";
    SCOPED_TRACE(ProblemToJson(problem).dump());

    const std::vector<FrontierPoint> all = AllAssignments(problem);
    double least = kInfinity;
    for (const FrontierPoint& point : all) {
      if (Keeps(problem, point.cost)) least = std::min(least, point.Minimized());
    }
    const absl::StatusOr<Solution> solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    const absl::Status checked = CheckSolution(problem, *solution);
    EXPECT_TRUE(checked.ok()) << checked;
    CheckVerification(problem, all, *solution);
    if (least < kInfinity) {
      ++feasible;
      ASSERT_EQ(solution->status, Solution::Status::kOptimal);
      ASSERT_NEAR(solution->AsPoint().Minimized(), least, 1e-9);
      EXPECT_EQ(solution->objective.has_value(), options.weights > 0);
      EXPECT_EQ(solution->gap, 0);
    } else {
      ASSERT_EQ(solution->status, Solution::Status::kInfeasible);
      CheckInfeasible(problem, all, *solution);
      CheckRelaxations(problem, all, *solution->infeasible);
    }
    if (!problem.frontier.empty() && options.interactions == 0 && options.rows == 0) {
      CheckFrontier(problem, all, *solution);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(feasible, 60);
}

Kind MakeKind(const std::string& name, const std::function<void(RandomProblemOptions&)>& change) {
  RandomProblemOptions options;
  change(options);
  return {name, options};
}

INSTANTIATE_TEST_SUITE_P(
    AllKinds, BruteForceTest,
    testing::Values(MakeKind("OneBudget", [](RandomProblemOptions& o) { o.layers = 6; }),
                    MakeKind("OneBudgetIntegers",
                             [](RandomProblemOptions& o) { o.integer = true; }),
                    MakeKind("NoBudget", [](RandomProblemOptions& o) { o.budgets = 0; }),
                    MakeKind("TwoBudgets", [](RandomProblemOptions& o) { o.budgets = 2; }),
                    MakeKind("TwoBudgetsIntegers",
                             [](RandomProblemOptions& o) {
                               o.budgets = 2;
                               o.integer = true;
                             }),
                    MakeKind("FourBudgets", [](RandomProblemOptions& o) { o.budgets = 4; }),
                    MakeKind("Ties", [](RandomProblemOptions& o) { o.ties = 3; }),
                    MakeKind("Pins",
                             [](RandomProblemOptions& o) {
                               o.pins = 2;
                               o.budgets = 2;
                             }),
                    MakeKind("AllowedSets",
                             [](RandomProblemOptions& o) {
                               o.allowed = 3;
                               o.budgets = 2;
                             }),
                    MakeKind("FewChanges", [](RandomProblemOptions& o) { o.max_changes = 1; }),
                    MakeKind("FewChangesEdgesTies",
                             [](RandomProblemOptions& o) {
                               o.max_changes = 2;
                               o.edges = 0.7;
                               o.ties = 1;
                             }),
                    MakeKind("Edges", [](RandomProblemOptions& o) { o.edges = 0.7; }),
                    MakeKind("EdgesTiesTwoBudgets",
                             [](RandomProblemOptions& o) {
                               o.edges = 0.9;
                               o.ties = 2;
                               o.budgets = 2;
                             }),
                    MakeKind("EdgesIntegers",
                             [](RandomProblemOptions& o) {
                               o.edges = 0.9;
                               o.integer = true;
                             }),
                    MakeKind("Interactions", [](RandomProblemOptions& o) { o.interactions = 0.6; }),
                    MakeKind("InteractionsIntegers",
                             [](RandomProblemOptions& o) {
                               o.interactions = 0.6;
                               o.integer = true;
                             }),
                    MakeKind("Rows", [](RandomProblemOptions& o) { o.rows = 4; }),
                    MakeKind("RowsWithoutBudgets",
                             [](RandomProblemOptions& o) {
                               o.rows = 2;
                               o.budgets = 0;
                             }),
                    MakeKind("RowsTiesTwoBudgets",
                             [](RandomProblemOptions& o) {
                               o.rows = 12;
                               o.ties = 2;
                               o.budgets = 2;
                             }),
                    MakeKind("RowsEdgesPins",
                             [](RandomProblemOptions& o) {
                               o.rows = 3;
                               o.edges = 0.7;
                               o.pins = 1;
                             }),
                    MakeKind("RowsEverything",
                             [](RandomProblemOptions& o) {
                               o.rows = 3;
                               o.interactions = 0.3;
                               o.edges = 0.5;
                               o.ties = 1;
                               o.budgets = 2;
                             }),
                    MakeKind("Everything",
                             [](RandomProblemOptions& o) {
                               o.interactions = 0.3;
                               o.edges = 0.5;
                               o.ties = 1;
                               o.budgets = 2;
                             }),
                    MakeKind("WeightsOneBudget", [](RandomProblemOptions& o) { o.weights = 1; }),
                    MakeKind("WeightsWithoutBudgets",
                             [](RandomProblemOptions& o) {
                               o.weights = 1;
                               o.budgets = 0;
                             }),
                    MakeKind("WeightsTwoBudgetsIntegers",
                             [](RandomProblemOptions& o) {
                               o.weights = 2;
                               o.budgets = 2;
                               o.integer = true;
                             }),
                    MakeKind("WeightsEdgesTiesTwoBudgets",
                             [](RandomProblemOptions& o) {
                               o.weights = 2;
                               o.edges = 0.9;
                               o.ties = 2;
                               o.budgets = 2;
                             }),
                    MakeKind("WeightsFewChangesPins",
                             [](RandomProblemOptions& o) {
                               o.weights = 1;
                               o.max_changes = 2;
                               o.pins = 1;
                             }),
                    MakeKind("WeightsInteractionsEdges",
                             [](RandomProblemOptions& o) {
                               o.weights = 1;
                               o.interactions = 0.6;
                               o.edges = 0.7;
                             }),
                    MakeKind("WeightsRowsEdgesTies",
                             [](RandomProblemOptions& o) {
                               o.weights = 1;
                               o.rows = 4;
                               o.edges = 0.7;
                               o.ties = 1;
                             }),
                    MakeKind("WeightsEverything",
                             [](RandomProblemOptions& o) {
                               o.weights = 2;
                               o.rows = 3;
                               o.interactions = 0.3;
                               o.edges = 0.5;
                               o.ties = 1;
                               o.budgets = 2;
                             })),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace halftone
