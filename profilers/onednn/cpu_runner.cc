#include "profilers/onednn/cpu_runner.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/inference_plan.h"
#include "profilers/onednn/cpu_lease.h"
#include "profilers/onednn/disturbance.h"
#include "profilers/onednn/plan_timing.h"
#include "profilers/onednn/step_measurement.h"
#include "profilers/onednn/thread_pinning.h"

namespace halftone {
namespace {

class RunnablePlan final : public RunnableNetwork {
 public:
  static absl::StatusOr<std::unique_ptr<RunnableNetwork>> Create(
      std::shared_ptr<const InferencePlan> plan) {
    auto runnable = std::make_unique<RunnablePlan>(std::move(plan));
    HT_ASSIGN_OR_RETURN(runnable->session_, InferenceSession::Create(runnable->plan_));
    return runnable;
  }

  explicit RunnablePlan(std::shared_ptr<const InferencePlan> plan) : plan_(std::move(plan)) {}

  absl::Status SetInput(absl::string_view name, absl::Span<const float> values) override {
    return session_->SetInput(name, values);
  }
  absl::Status Run(const Cancellation& cancellation) override {
    return session_->Run(cancellation);
  }
  absl::StatusOr<absl::Span<const float>> Output(absl::string_view name) const override {
    return session_->Output(name);
  }
  std::map<std::string, Precision> RanAs() const override { return plan_->ran_as(); }
  std::vector<ExtraRounding> Roundings() const override {
    return {plan_->roundings().begin(), plan_->roundings().end()};
  }

 private:
  const std::shared_ptr<const InferencePlan> plan_;
  std::unique_ptr<InferenceSession> session_;
};

int ThreadsOrAll(int threads) { return threads > 0 ? threads : DescribeCpu().threads; }

class CpuRunner final : public NetworkRunner {
 public:
  std::string Machine() const override {
    const CpuDevice device = DescribeCpu();
    return absl::StrCat(device.isa, ", ", device.library);
  }

  absl::StatusOr<ExecutedLayers> Describe(const Graph& graph,
                                          const std::vector<Precision>& precisions) const override {
    return DescribeExecution(graph, precisions);
  }

  absl::StatusOr<std::unique_ptr<RunnableNetwork>> Prepare(const Graph& graph,
                                                           const LayerSet& layers,
                                                           const QuantizedAssignment& assignment,
                                                           const RunOptions& options) override {
    HT_RETURN_IF_ERROR(CheckPlanMemory(graph, /*batch=*/1, /*plans=*/1));
    PlanOptions plan_options;
    plan_options.exact_shortcuts = options.exact_shortcuts;
    plan_options.float32_sums = options.exact_sums;
    plan_options.threads = ThreadsOrAll(options.threads);
    HT_ASSIGN_OR_RETURN(auto plan, InferencePlan::Create(graph, layers, assignment, plan_options));
    return RunnablePlan::Create(std::move(plan));
  }

  absl::StatusOr<NetworkTimes> Time(const Graph& graph, const LayerSet& layers,
                                    absl::Span<const QuantizedAssignment> assignments, int batch,
                                    int threads, const Progress& progress) override {
    HT_RETURN_IF_ERROR(CheckPlanMemory(graph, batch, static_cast<int>(assignments.size())));
    PlanOptions options;
    options.threads = ThreadsOrAll(threads);
    std::vector<std::shared_ptr<const InferencePlan>> plans;
    for (const QuantizedAssignment& assignment : assignments) {
      HT_RETURN_IF_ERROR(progress.Step(0, "preparing the inference plans"));
      HT_ASSIGN_OR_RETURN(auto plan, InferencePlan::Create(graph, layers, assignment, options));
      plans.push_back(std::move(plan));
    }
    HT_RETURN_IF_ERROR(progress.Step(0, "waiting for other measurements to end"));
    HT_ASSIGN_OR_RETURN(const CpuLease lease, CpuLease::Acquire(progress.cancellation));
    const ThreadPinning pinning(options.threads);
    SharedArena arena;
    const MeasurementOptions measurement;
    Disturbance disturbance(measurement, options.threads);
    disturbance.Start();
    HT_ASSIGN_OR_RETURN(const std::vector<PlanTimes> all,
                        MeasurePlans(graph, plans, measurement, arena, progress));
    disturbance.Stop();
    NetworkTimes times;
    for (const PlanTimes& plan : all) {
      disturbance.See(plan);
      times.latencies_ns.push_back(plan.whole.latency_ns);
    }
    times.warning = disturbance.Warning();
    return times;
  }
};

}  // namespace

std::unique_ptr<NetworkRunner> MakeCpuRunner() { return std::make_unique<CpuRunner>(); }

}  // namespace halftone
