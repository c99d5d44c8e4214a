#include "profilers/onednn/step_measurement.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "profilers/onednn/cache_sweep.h"

namespace halftone {
namespace {

constexpr int kRunsPerVisit = 2;
// A machine so busy that rounds take this many times the target is not waited for any longer.
constexpr int kPatience = 4;
constexpr int kLeastRounds = 3;
// The clock's own jitter, which in a network of microseconds is no disturbance.
constexpr double kJitterNs = 300;

// One plan with all its runs so far.
struct Runs {
  std::unique_ptr<InferenceSession> session;
  std::vector<std::vector<double>> steps;  // [run][step]
  std::vector<double> totals;              // [run], the sum of its steps
  std::vector<double> wholes;              // runs without clocks between the steps
};

using Inputs = std::map<std::string, std::vector<float>>;

// Whole numbers may be indices, of which 0 alone is surely inside of its axis.
Inputs RandomInputs(const Graph& graph) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Inputs inputs;
  for (const Port& input : graph.inputs) {
    std::vector<float>& values = inputs[input.name];
    values.resize(static_cast<size_t>(input.info.shape.Elements()), 0.0f);
    if (!IsFloat(input.info.type)) continue;
    for (float& value : values) value = uniform(random);
  }
  return inputs;
}

// A run to warm up, then runs with and without clocks in turn: both see the same machine.
absl::Status Visit(Runs& runs, const Inputs& inputs, CacheSweep* sweep,
                   const Cancellation& cancellation) {
  for (const auto& [name, values] : inputs) {
    HT_RETURN_IF_ERROR(runs.session->SetInput(name, values));
  }
  HT_RETURN_IF_ERROR(runs.session->TimeRuns(1, cancellation).status());
  for (int run = 0; run < kRunsPerVisit; ++run) {
    if (sweep != nullptr) sweep->Run();
    HT_ASSIGN_OR_RETURN(const auto times, runs.session->TimeSteps(1, cancellation));
    std::vector<double> steps;
    double total = 0;
    for (const std::vector<double>& step : times) {
      steps.push_back(step[0]);
      total += step[0];
    }
    runs.steps.push_back(std::move(steps));
    runs.totals.push_back(total);
    if (sweep != nullptr) sweep->Run();
    HT_ASSIGN_OR_RETURN(const std::vector<double> wholes, runs.session->TimeRuns(1, cancellation));
    runs.wholes.push_back(wholes[0]);
  }
  return absl::OkStatus();
}

double QuietLimit(const std::vector<double>& totals, const MeasurementOptions& options) {
  const double fastest = *std::min_element(totals.begin(), totals.end());
  return std::max(options.disturbed_ratio * fastest, fastest + kJitterNs);
}

// The runs that no neighbour disturbed: not much slower than the fastest; at least half as many as
// were wanted, or all there are.
std::vector<size_t> QuietRuns(const std::vector<double>& totals,
                              const MeasurementOptions& options) {
  std::vector<size_t> order(totals.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return totals[a] < totals[b]; });
  const double limit = QuietLimit(totals, options);
  size_t quiet = 0;
  while (quiet < order.size() && totals[order[quiet]] <= limit) ++quiet;
  const size_t wanted = std::min(order.size() / 2, static_cast<size_t>(options.quiet_runs) / 2);
  order.resize(std::max(quiet, wanted));
  return order;
}

bool HasEnoughQuietRuns(const std::vector<double>& totals, const MeasurementOptions& options) {
  const double limit = QuietLimit(totals, options);
  return std::count_if(totals.begin(), totals.end(),
                       [&](double total) { return total <= limit; }) >= options.quiet_runs;
}

PlanTimes SummarizeRuns(const Runs& runs, const MeasurementOptions& options) {
  PlanTimes times;
  const std::vector<size_t> quiet = QuietRuns(runs.totals, options);
  for (size_t step = 0; step < runs.steps[0].size(); ++step) {
    std::vector<double> samples;
    for (const size_t run : quiet) samples.push_back(runs.steps[run][step]);
    times.steps.push_back(Summarize(samples));
    const auto faster = [&](const auto& a, const auto& b) { return a[step] < b[step]; };
    times.least_ns += (*std::min_element(runs.steps.begin(), runs.steps.end(), faster))[step];
  }
  std::vector<double> wholes;
  for (const size_t run : QuietRuns(runs.wholes, options)) wholes.push_back(runs.wholes[run]);
  times.whole = Summarize(wholes);
  return times;
}

// Whether another round is worth it.
bool IsDone(const std::vector<Runs>& all, int rounds, absl::Duration spent,
            const MeasurementOptions& options) {
  if (rounds >= kLeastRounds && spent > kPatience * options.target_duration) return true;
  if (rounds < options.min_rounds) return false;
  if (rounds >= options.max_rounds) return true;
  const bool quiet = std::all_of(all.begin(), all.end(), [&](const Runs& runs) {
    return HasEnoughQuietRuns(runs.totals, options) && HasEnoughQuietRuns(runs.wholes, options);
  });
  return quiet || spent > options.target_duration;
}

}  // namespace

MeasuredTime Summarize(const std::vector<double>& values) {
  MeasuredTime time;
  time.latency_ns =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  std::vector<double> deviations;
  for (const double value : values) deviations.push_back(std::abs(value - time.latency_ns));
  time.mad_ns = Median(std::move(deviations));
  return time;
}

absl::StatusOr<std::vector<PlanTimes>> MeasurePlans(
    const Graph& graph, const std::vector<std::shared_ptr<const InferencePlan>>& plans,
    const MeasurementOptions& options, SharedArena& arena, const Progress& progress) {
  int64_t bytes = 0;
  for (const auto& plan : plans) bytes = std::max(bytes, plan->arena_bytes());
  HT_ASSIGN_OR_RETURN(const std::shared_ptr<std::byte> memory, arena.Reserve(bytes));
  std::vector<Runs> all(plans.size());
  for (size_t i = 0; i < plans.size(); ++i) {
    HT_ASSIGN_OR_RETURN(all[i].session, InferenceSession::Create(plans[i], memory));
  }
  const Inputs inputs = RandomInputs(graph);
  std::optional<CacheSweep> sweep;
  if (options.cold_caches) sweep.emplace();
  const SteadyClock& clock = progress.cancellation.clock();
  const SteadyTime start = clock.Now();
  int rounds = 0;
  absl::Duration spent = absl::ZeroDuration();
  while (!IsDone(all, rounds, spent, options)) {
    for (Runs& runs : all) {
      HT_RETURN_IF_ERROR(Visit(runs, inputs, sweep ? &*sweep : nullptr, progress.cancellation));
    }
    ++rounds;
    spent = clock.Now() - start;
    const double by_rounds = static_cast<double>(rounds) / options.max_rounds;
    const double by_time = std::min(absl::FDivDuration(spent, options.target_duration),
                                    static_cast<double>(rounds) / options.min_rounds);
    HT_RETURN_IF_ERROR(
        progress.Step(std::min(1.0, std::max(by_rounds, by_time)), absl::StrCat("round ", rounds)));
  }
  std::vector<PlanTimes> times;
  for (const Runs& runs : all) times.push_back(SummarizeRuns(runs, options));
  return times;
}

}  // namespace halftone
