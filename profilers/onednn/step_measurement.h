#ifndef HALFTONE_PROFILERS_ONEDNN_STEP_MEASUREMENT_H_
#define HALFTONE_PROFILERS_ONEDNN_STEP_MEASUREMENT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/progress.h"
#include "nn/engine/onednn/arena.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/graph.h"

namespace halftone {

// A measured time: the mean over undisturbed runs (means of steps add up to the mean of the whole,
// medians do not), and the median absolute deviation from it. Disturbances only ever slow a run
// down, and so runs near the fastest one are those that the network itself takes: on a busy machine
// their mean is the same within a percent, where the median of all runs moves by a third.
struct MeasuredTime {
  double latency_ns = 0;
  double mad_ns = 0;
  absl::Time when = absl::InfiniteFuture();  // it was measured; of a sum, the oldest of its parts
};

struct MeasurementOptions {
  int min_rounds = 5;
  int max_rounds = 4000;
  absl::Duration target_duration = absl::Seconds(10);
  // A run is disturbed when it takes more than this many times the plan's fastest run.
  double disturbed_ratio = 1.03;
  int quiet_runs = 20;  // wanted of each plan
  // With less of its processors' time than this, a measurement tells of the neighbours more than of
  // the network: it is not remembered, and its rows carry a warning.
  double least_processor_share = 0.6;
  // The same with plans that take this many times the least times of their steps together; 1.02 to
  // 1.15 were seen where nothing disturbs, the most with many short steps on two threads.
  double most_slowdown = 1.3;
  // Runs start with nothing of the network in the processor's caches, instead of with what the run
  // before left there.
  bool cold_caches = false;
};

// What the runs of one plan gave.
struct PlanTimes {
  std::vector<MeasuredTime> steps;  // as the plan's steps
  MeasuredTime whole;               // a whole run, without clocks between its steps
  // The least time that every step took in any run, summed: steps are so short that some run of
  // each is undisturbed even where no whole run is.
  double least_ns = 0;
};

// Times every step of the plans inside whole runs, so that each finds the caches as the network
// leaves them. Plans take turns, round by round, so that a slow spell of the machine meets all of
// them, and all run in `arena`: a plan that streams through memory takes up to a tenth more or less
// in other pages. The first run of every visit is thrown away. Rounds go on past the minimum, up to
// the maximum, until every plan had enough undisturbed runs; the fastest runs count where it had
// not. CANCELLED within a step of a cancellation.
absl::StatusOr<std::vector<PlanTimes>> MeasurePlans(
    const Graph& graph, const std::vector<std::shared_ptr<const InferencePlan>>& plans,
    const MeasurementOptions& options, SharedArena& arena, const Progress& progress);

// `values` must not be empty.
MeasuredTime Summarize(const std::vector<double>& values);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_STEP_MEASUREMENT_H_
