// Sizes of problems that the solver is meant for. Times are of Solve, from a Problem to a proven
// Solution; a run that is not proven counts in `unproven`.
#include "benchmark/benchmark.h"
#include "search/solver/solver.h"
#include "tests/search/solver/hard_problem.h"
#include "tests/search/solver/random_problem.h"

namespace halftone {
namespace {

void SolveAll(benchmark::State& state, const std::vector<Problem>& problems) {
  int64_t next = 0, unproven = 0, points = 0;
  for (auto _ : state) {
    const auto solution = Solve(problems[static_cast<size_t>(next++ % 5)],
                                {.time_limit = absl::Seconds(20), .max_frontier_points = 100'000});
    if (!solution.ok()) {
      state.SkipWithError(solution.status().ToString().c_str());
      return;
    }
    unproven += solution->status != Solution::Status::kOptimal;
    points += static_cast<int64_t>(solution->frontier.size());
  }
  state.counters["unproven"] = static_cast<double>(unproven);
  if (!problems[0].frontier.empty()) {
    state.counters["points"] = static_cast<double>(points) / static_cast<double>(next);
  }
}

void Run(benchmark::State& state, RandomProblemOptions options, const std::string& frontier = "") {
  std::vector<Problem> problems;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    options.seed = 100 + seed;
    problems.push_back(RandomProblem(options));
    problems.back().frontier = frontier;
  }
  SolveAll(state, problems);
}

void RunHard(benchmark::State& state, HardProblemOptions options) {
  std::vector<Problem> problems;
  for (options.seed = 100; options.seed < 105; ++options.seed) {
    problems.push_back(HardProblem(options));
  }
  SolveAll(state, problems);
}

void BM_OneBudget(benchmark::State& state) {
  RandomProblemOptions options;
  options.layers = static_cast<int>(state.range(0));
  options.choices = static_cast<int>(state.range(1));
  Run(state, options);
}
BENCHMARK(BM_OneBudget)
    ->Args({50, 25})
    ->Args({1000, 8})
    ->Args({10000, 8})
    ->Unit(benchmark::kMillisecond);

void BM_TwoBudgets(benchmark::State& state) {
  RandomProblemOptions options;
  options.layers = static_cast<int>(state.range(0));
  options.choices = static_cast<int>(state.range(1));
  options.budgets = 2;
  Run(state, options);
}
BENCHMARK(BM_TwoBudgets)
    ->Args({50, 5})
    ->Args({50, 25})
    ->Args({1000, 8})
    ->Unit(benchmark::kMillisecond);

// Losses that nearly are a constant less the cost.
void BM_Correlated(benchmark::State& state) {
  RunHard(state, {.kind = HardKind::kCorrelated, .layers = 200, .choices = 8, .tightness = 0.5});
}
BENCHMARK(BM_Correlated)->Unit(benchmark::kMillisecond);

// Many equal costs and losses.
void BM_Coarse(benchmark::State& state) {
  RunHard(state, {.kind = HardKind::kCoarse,
                  .layers = 1000,
                  .choices = 8,
                  .budgets = static_cast<int>(state.range(0))});
}
BENCHMARK(BM_Coarse)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

void BM_EdgeCosts(benchmark::State& state) {
  RandomProblemOptions options;
  options.layers = static_cast<int>(state.range(0));
  options.choices = static_cast<int>(state.range(1));
  options.edges = 1;
  Run(state, options);
}
BENCHMARK(BM_EdgeCosts)
    ->Args({15, 10})
    ->Args({55, 5})
    ->Args({55, 10})
    ->Unit(benchmark::kMillisecond);

void BM_Interactions(benchmark::State& state) {
  RandomProblemOptions options;
  options.layers = static_cast<int>(state.range(0));
  options.choices = 4;
  options.interactions = 0.5;
  Run(state, options);
}
BENCHMARK(BM_Interactions)->Arg(10)->Unit(benchmark::kMillisecond);

void BM_Frontier(benchmark::State& state) {
  RandomProblemOptions options;
  options.layers = 60;
  options.choices = 5;
  options.edges = static_cast<double>(state.range(0));
  Run(state, options, "m0");
}
BENCHMARK(BM_Frontier)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace halftone

BENCHMARK_MAIN();
