#include "search/solver/quadratic.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/infinity.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "search/solver/annealing.h"
#include "search/solver/compile.h"
#include "search/solver/convexify.h"
#include "search/solver/relaxation.h"
#include "search/solver/solver.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

CompactProblem Compacted(const Problem& problem) {
  const auto compiled = CompiledProblem::Create(problem);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  auto compact = compiled->Compact({problem.budgets.begin(), problem.budgets.end()});
  EXPECT_TRUE(compact.ok()) << compact.status();
  return *std::move(compact);
}

Selection RandomSelection(const CompactProblem& problem, SplitMix64& random) {
  Selection selection;
  for (int choices : problem.choices) {
    selection.push_back(static_cast<int>(random.Uniform() * choices));
  }
  return selection;
}

// The least loss within the limits, by running totals over all selections.
class Enumerator {
 public:
  explicit Enumerator(const CompactProblem& problem)
      : problem_(problem), components_(size_t(problem.components)) {}

  double LeastLoss() {
    Visit(0, problem_.constant);
    return least_;
  }

 private:
  void Visit(int v, const std::vector<double>& totals) {
    if (v == problem_.variables()) {
      if (problem_.IsFeasible(totals)) least_ = std::min(least_, totals[0]);
      return;
    }
    for (int o = 0; o < problem_.choices[size_t(v)]; ++o) {
      std::vector<double> next = totals;
      for (size_t c = 0; c < components_; ++c) next[c] += problem_.Value(v, o)[c];
      const double* row = problem_.cross->Row(problem_.cross->first[size_t(v)] + size_t(o));
      for (int w = 0; w < v; ++w) {
        next[0] += row[problem_.cross->first[size_t(w)] + size_t(chosen_[size_t(w)])];
      }
      for (const CompactPair& pair : problem_.pairs) {
        if (pair.b != v) continue;
        const double* value = problem_.PairValue(pair, chosen_[size_t(pair.a)], o);
        for (size_t c = 0; c < components_; ++c) next[c] += value[c];
      }
      chosen_[size_t(v)] = o;
      Visit(v + 1, next);
    }
  }

  const CompactProblem& problem_;
  size_t components_;
  std::vector<int> chosen_ = std::vector<int>(problem_.choices.size());
  double least_ = kInfinity;
};

TEST(CrossLossesTest, TheMatrixGivesWhatTheRowsGive) {
  RandomProblemOptions options;
  options.rows = 5;
  options.ties = 2;
  options.edges = 0.5;
  for (options.seed = 0; options.seed < 20; ++options.seed) {
    const Problem problem = RandomProblem(options);
    const auto compiled = CompiledProblem::Create(problem);
    ASSERT_TRUE(compiled.ok());
    const CompactProblem compact = Compacted(problem);
    ASSERT_NE(compact.cross, nullptr);
    SplitMix64 random(options.seed, 3);
    const Selection selection = RandomSelection(compact, random);
    const FrontierPoint point = compiled->ToPoint(selection);
    EXPECT_NEAR(compact.Evaluate(selection)[0], point.loss, 1e-12);
    EXPECT_NEAR(EvaluateAssignment(problem, point.assignment)->loss, point.loss, 1e-12);
  }
}

// A convex form equals the loss on selections, and lies under its tangents' bounds elsewhere.
TEST(ConvexifierTest, EveryFormEqualsTheLossAndBoundsIt) {
  RandomProblemOptions options;
  options.rows = 6;
  double gained = 0;
  for (options.seed = 0; options.seed < 10; ++options.seed) {
    Problem problem = RandomProblem(options);
    if (options.seed % 2 == 1) problem.interactions = {{{"l0", "c0"}, {"l1", "c1"}, -0.7}};
    const CompactProblem compact = Compacted(problem);
    const double least = Enumerator(compact).LeastLoss();
    SplitMix64 random(options.seed, 4);
    Stop stop({}, SteadyTime::InfiniteFuture());
    Convexifier convexifier(compact);
    ConvexForm form;
    double first = 0, last = -kInfinity;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(convexifier.Take(form, stop));
      for (int draw = 0; draw < 20; ++draw) {
        const Selection selection = RandomSelection(compact, random);
        double value = compact.constant[0];
        for (size_t v = 0; v < selection.size(); ++v) {
          const size_t a = compact.cross->first[v] + size_t(selection[v]);
          value += form.linear[a];
          for (size_t w = 0; w < selection.size(); ++w) {
            value += 0.5 * form.Row(a)[compact.cross->first[w] + size_t(selection[w])];
          }
        }
        EXPECT_NEAR(value, compact.Evaluate(selection)[0], 1e-9);
      }
      Relaxation relaxation(compact, form);
      const std::vector<char> all(form.columns, 1);
      Relaxation::Point point = relaxation.Start(all);
      EXPECT_LE(relaxation.BoundAt(all, point).loss, least);
      const double bound = relaxation.Minimize(all, kInfinity, 1e-9, 500, stop, point).loss;
      EXPECT_LE(bound, least);
      // Better blocks make the bound larger, but for the spread that the fractions are given.
      EXPECT_GE(bound, last - 0.02 * std::abs(bound));
      last = bound;
      if (i == 0) first = bound;
      for (int sweep = 0; sweep < 8; ++sweep) ASSERT_TRUE(convexifier.Improve(point.x, stop));
    }
    gained += last - first;
  }
  EXPECT_GT(gained, 0.1);
}

// The most that is promised to be optimal, with every selection looked at: 5^9 of them.
TEST(QuadraticTest, TwoMillionAssignmentsEqualBruteForce) {
  RandomProblemOptions options;
  options.layers = 9;
  options.choices = 5;
  options.rows = 8;
  options.budgets = 2;
  for (options.seed = 0; options.seed < 3; ++options.seed) {
    options.edges = options.seed == 2 ? 0.5 : 0;
    const Problem problem = RandomProblem(options);
    const auto solution = Solve(problem);
    ASSERT_TRUE(solution.ok()) << solution.status();
    ASSERT_EQ(solution->status, Solution::Status::kOptimal);
    EXPECT_NEAR(solution->loss, Enumerator(Compacted(problem)).LeastLoss(), 1e-10);
  }
}

// Rows that join neighbours only are interactions that elimination solves exactly.
TEST(QuadraticTest, AgreesWithEliminationOnChains) {
  RandomProblemOptions options;
  options.layers = 16;
  options.choices = 4;
  for (options.seed = 0; options.seed < 4; ++options.seed) {
    Problem as_rows = RandomProblem(options);
    Problem as_pairs = as_rows;
    SplitMix64 random(options.seed, 5);
    Problem::InteractionRows factor;
    for (const Problem::Layer& layer : as_rows.layers) {
      for (const Problem::Choice& choice : layer.choices) {
        factor.choices.emplace_back(layer.name, choice.name);
      }
    }
    for (int i = 0; i + 1 < options.layers; ++i) {
      std::vector<double>& row = factor.rows.emplace_back(factor.choices.size(), 0.0);
      const auto first = static_cast<size_t>(i) * static_cast<size_t>(options.choices);
      for (size_t a = 0; a < 8; ++a) row[first + a] = random.Uniform() - 0.6;
      for (size_t a = 0; a < 4; ++a) {
        for (size_t b = 4; b < 8; ++b) {
          as_pairs.interactions.push_back({factor.choices[first + a], factor.choices[first + b],
                                           row[first + a] * row[first + b]});
        }
      }
    }
    as_rows.interaction_rows = std::move(factor);
    ASSERT_NE(Compacted(as_rows).cross, nullptr);
    ASSERT_EQ(Compacted(as_pairs).cross, nullptr);
    const auto first = Solve(as_rows), second = Solve(as_pairs);
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(first->status, Solution::Status::kOptimal);
    EXPECT_NEAR(first->loss, second->loss, 1e-10);
  }
}

TEST(QuadraticTest, ManyInteractionsAreSolvedAsOneMatrix) {
  RandomProblemOptions options;
  options.layers = 12;
  options.choices = 5;
  options.interactions = 1;
  const Problem problem = RandomProblem(options);
  EXPECT_NE(Compacted(problem).cross, nullptr);
  const auto solution = Solve(problem, {.time_limit = absl::Seconds(20)});
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_TRUE(CheckSolution(problem, *solution).ok());
}

// Errors of which a share has one direction, with either sign, so that they can cancel; each choice
// halves them.
Problem CorrelatedProblem(int layers, int choices, double share) {
  constexpr size_t kRows = 40;
  SplitMix64 random(7);
  std::vector<double> common(kRows);
  for (double& value : common) value = random.Uniform() - 0.5;
  Problem problem;
  problem.interaction_rows = Problem::InteractionRows();
  Problem::InteractionRows& factor = *problem.interaction_rows;
  factor.rows.resize(kRows);
  for (int l = 0; l < layers; ++l) {
    Problem::Layer& layer = problem.layers.emplace_back();
    layer.name = absl::StrCat("l", l);
    const double sign = random.Uniform() < 0.5 ? -1 : 1;
    const double size = 1 + 9 * random.Uniform();
    for (int h = 0; h < choices; ++h) {
      Problem::Choice& choice = layer.choices.emplace_back();
      choice.name = absl::StrCat("c", h);
      choice.cost["size"] = size * (h + 2);
      factor.choices.emplace_back(layer.name, choice.name);
      for (size_t r = 0; r < kRows; ++r) {
        const double own = random.Uniform() - 0.5;
        const double entry =
            std::ldexp(sign * std::sqrt(share) * common[r] + std::sqrt(1 - share) * own, -h);
        choice.loss += 0.5 * entry * entry;
        factor.rows[r].push_back(entry);
      }
    }
    problem.budgets["size"] += 3 * size;
  }
  return problem;
}

TEST(AnnealTest, StaysWithinTheLimitsAndFindsTheOptimum) {
  const CompactProblem compact = Compacted(CorrelatedProblem(8, 5, 0.5));
  const Selection cheapest(8, 0);
  const Incumbent start{compact.Evaluate(cheapest)[0], cheapest};
  ASSERT_TRUE(compact.IsFeasible(compact.Evaluate(cheapest)));
  Stop stop({}, SteadyTime::InfiniteFuture());
  Incumbent first = start, second = start, none;
  Anneal(compact, 100'000, stop, first);
  Anneal(compact, 100'000, stop, second);
  Anneal(compact, 100'000, stop, none);
  const std::vector<double> totals = compact.Evaluate(first.selection);
  EXPECT_TRUE(compact.IsFeasible(totals));
  EXPECT_EQ(totals[0], first.objective);
  EXPECT_NEAR(first.objective, Enumerator(compact).LeastLoss(), 1e-12);
  EXPECT_EQ(first.selection, second.selection);
  EXPECT_FALSE(none.found());
}

TEST(AnnealTest, LeavesVariablesWithoutAChoiceAlone) {
  Problem problem = CorrelatedProblem(6, 4, 0.5);
  for (const size_t layer : {size_t{0}, size_t{5}}) {
    problem.allowed[problem.layers[layer].name] = {problem.layers[layer].choices[0].name};
  }
  Stop stop({}, SteadyTime::InfiniteFuture());
  const CompactProblem compact = Compacted(problem);
  ASSERT_EQ(compact.choices[0], 1);
  Incumbent incumbent{compact.Evaluate(Selection(6, 0))[0], Selection(6, 0)};
  Anneal(compact, 50'000, stop, incumbent);
  EXPECT_NEAR(incumbent.objective, Enumerator(compact).LeastLoss(), 1e-12);

  for (const Problem::Layer& layer : problem.layers) {
    problem.allowed[layer.name] = {layer.choices[0].name};
  }
  const CompactProblem fixed = Compacted(problem);
  Incumbent only{fixed.Evaluate(Selection(6, 0))[0], Selection(6, 0)};
  Anneal(fixed, 1'000, stop, only);
  EXPECT_EQ(only.selection, Selection(6, 0));
}

TEST(QuadraticTest, CorrelatedErrorsHaveAUsefulBound) {
  for (const double share : {0.3, 0.5}) {
    const CompactProblem compact = Compacted(CorrelatedProblem(30, 6, share));
    Stop stop({}, SteadyTime::InfiniteFuture(), 20'000);
    const ExactResult result = SolveQuadratic(compact, stop, {});
    ASSERT_TRUE(result.incumbent.found());
    EXPECT_GT(result.lower_bound, 0.5 * result.incumbent.objective);
    EXPECT_LE(result.lower_bound, result.incumbent.objective);
  }
}

// Wherever a search ends, what it says is true.
TEST(QuadraticTest, AnyQuestionCanEndTheSearch) {
  RandomProblemOptions options;
  options.layers = 8;
  options.choices = 5;
  options.rows = 6;
  for (options.seed = 0; options.seed < 3; ++options.seed) {
    const CompactProblem compact = Compacted(RandomProblem(options));
    const double least = Enumerator(compact).LeastLoss();
    Stop whole({}, SteadyTime::InfiniteFuture());
    ASSERT_TRUE(SolveQuadratic(compact, whole, {}).proven);
    for (int64_t most = 0; most < whole.questions(); most += 1 + whole.questions() / 200) {
      Stop stop({}, SteadyTime::InfiniteFuture(), most);
      const ExactResult result = SolveQuadratic(compact, stop, {});
      EXPECT_LE(result.lower_bound, least + 1e-9);
      EXPECT_GT(result.lower_bound, -kInfinity) << "however early it ends";
      EXPECT_GE(result.incumbent.objective, least - 1e-9);  // infinite: none found
      if (result.proven) {
        EXPECT_NEAR(result.incumbent.objective, least, 1e-9);
      }
    }
  }
}

TEST(QuadraticTest, BudgetsThatCannotBeMetAreInfeasible) {
  RandomProblemOptions options;
  options.rows = 3;
  options.tightness = -0.2;
  const auto solution = Solve(RandomProblem(options));
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->status, Solution::Status::kInfeasible);
  EXPECT_TRUE(solution->infeasible.has_value());
}

// 60 layers whose losses all hang together: no bound closes that gap.
Problem HardProblem() {
  RandomProblemOptions options;
  options.layers = 60;
  options.choices = 8;
  options.interactions = 1;
  return RandomProblem(options);
}

TEST(QuadraticTest, AStopGivesTheBestSoFarAndItsBound) {
  const Problem problem = HardProblem();
  const CompactProblem compact = Compacted(problem);
  Stop stop({}, SteadyTime::InfiniteFuture(), /*most_questions=*/20'000);
  const ExactResult result = SolveQuadratic(compact, stop, {});
  EXPECT_TRUE(stop.stopped());
  EXPECT_FALSE(result.proven);
  ASSERT_TRUE(result.incumbent.found());
  EXPECT_GT(result.lower_bound, -kInfinity);
  EXPECT_LT(result.lower_bound, result.incumbent.objective);
  EXPECT_TRUE(compact.IsFeasible(compact.Evaluate(result.incumbent.selection)));
}

TEST(QuadraticTest, WithoutTimeTheErrorSaysSo) {
  const absl::Status status = Solve(HardProblem(), {.time_limit = absl::ZeroDuration()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
}

}  // namespace
}  // namespace halftone
