#include "profilers/onednn/plan_timing.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/graph/graph_memory.h"
#include "profilers/onednn/thread_pinning.h"

namespace halftone {
namespace {

constexpr int64_t kMaxMeasuredTogetherBytes = int64_t{2} << 30;
// Of the graph, and of one plan: as it was given, and as its kernels store it.
constexpr double kCopiesOfWeights = 3;

double PlanBytes(const Graph& graph) {
  return kCopiesOfWeights * WeightBytes(graph) + PeakActivationBytes(graph);
}

using Plans = std::vector<std::shared_ptr<const InferencePlan>>;

// The plans of the first assignments, as many as fit into memory together: at least one.
absl::StatusOr<Plans> MakePlans(const TimingContext& context,
                                absl::Span<const std::vector<Precision>> assignments,
                                const Progress& progress) {
  Plans plans;
  int64_t bytes = 0;  // of constants; the arena is shared
  const double room = MemoryBudget::LimitBytes() - PlanBytes(context.graph);
  const double most = std::min<double>(kMaxMeasuredTogetherBytes, room);
  const auto is_full = [&] { return static_cast<double>(bytes) >= most; };
  while (plans.empty() || (plans.size() < assignments.size() && !is_full())) {
    HT_RETURN_IF_ERROR(progress.Step(0, absl::StrCat("preparing plan ", plans.size() + 1)));
    HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantized,
                        context.assignment.Assign(assignments[plans.size()]));
    HT_ASSIGN_OR_RETURN(auto plan, InferencePlan::Create(context.graph, context.layers, quantized,
                                                         context.plan_options));
    bytes += plan->weight_bytes();
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace

absl::Status CheckPlanMemory(const Graph& graph, int batch, int plans) {
  const double more = (plans - 1) * 2 * WeightBytes(graph);
  const double smallest = PlanBytes(graph) + more - PeakActivationBytes(graph) * (1 - 1.0 / batch);
  return CheckMemory("running the network to measure it", PlanBytes(graph) + more,
                     smallest <= MemoryBudget::LimitBytes()
                         ? "it would fit with a smaller batch"
                         : "the network itself needs a higher limit");
}

absl::StatusOr<std::vector<TimedPlan>> TimeAssignments(
    const TimingContext& context, absl::Span<const std::vector<Precision>> assignments,
    const Progress& progress) {
  const ThreadPinning pinning(context.plan_options.threads);
  SharedArena arena;
  std::vector<TimedPlan> timed;
  const auto fraction = [&](size_t done) {
    return static_cast<double>(done) / static_cast<double>(assignments.size());
  };
  while (timed.size() < assignments.size()) {
    const size_t begin = timed.size();
    HT_ASSIGN_OR_RETURN(const Plans plans, MakePlans(context, assignments.subspan(begin),
                                                     progress.Part(fraction(begin), 1)));
    const Progress part = progress.Part(fraction(begin), fraction(begin + plans.size()));
    HT_ASSIGN_OR_RETURN(std::vector<PlanTimes> times,
                        MeasurePlans(context.graph, plans, context.measurement, arena, part));
    for (size_t i = 0; i < plans.size(); ++i) {
      TimedPlan plan;
      for (const PlanStep& step : plans[i]->steps()) plan.keys.push_back(step.key);
      plan.times = std::move(times[i]);
      timed.push_back(std::move(plan));
    }
  }
  return timed;
}

}  // namespace halftone
