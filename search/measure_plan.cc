#include "search/measure_plan.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "base/statistics.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/layer.h"

namespace halftone {
namespace {

constexpr int kRounds = 25;
// One round takes about this long, so that a cancellation is seen in time.
constexpr double kRoundNs = 20e6;
constexpr int kMaxRepetitions = 50;
// A round is disturbed when it takes this many times the fastest one.
constexpr double kDisturbedRatio = 1.2;

// One assignment's plan, warmed up, and its times.
class TimedPlan {
 public:
  static absl::StatusOr<std::unique_ptr<TimedPlan>> Create(const Graph& graph,
                                                           const LayerSet& layers,
                                                           const QuantizedAssignment& assignment,
                                                           const Dataset& data, int64_t batch) {
    auto timed = std::make_unique<TimedPlan>();
    HT_ASSIGN_OR_RETURN(auto plan, InferencePlan::Create(graph, layers, assignment));
    HT_ASSIGN_OR_RETURN(timed->session_, InferenceSession::Create(std::move(plan)));
    for (const Port& input : graph.inputs) {
      HT_ASSIGN_OR_RETURN(const Tensor tensor, data.Batch(input.name, 0, batch));
      HT_RETURN_IF_ERROR(timed->session_->SetInput(input.name, tensor.data<float>()));
    }
    return timed;
  }

  absl::Status WarmUp() {
    HT_ASSIGN_OR_RETURN(const std::vector<double> times, session_->TimeRuns(3));
    const double fastest = *std::min_element(times.begin(), times.end());
    repetitions_ =
        std::clamp(static_cast<int>(kRoundNs / std::max(fastest, 1.0)), 1, kMaxRepetitions);
    return absl::OkStatus();
  }

  absl::Status Round() {
    HT_ASSIGN_OR_RETURN(const std::vector<double> times, session_->TimeRuns(repetitions_));
    // The round's median: a disturbance shorter than half a round leaves no trace.
    rounds_.push_back(Median(times));
    return absl::OkStatus();
  }

  // The median of the rounds that no neighbour slowed down: those near the fastest.
  double latency_ns() const {
    const double limit = kDisturbedRatio * *std::min_element(rounds_.begin(), rounds_.end());
    std::vector<double> quiet;
    std::copy_if(rounds_.begin(), rounds_.end(), std::back_inserter(quiet),
                 [limit](double round) { return round <= limit; });
    return Median(std::move(quiet));
  }

 private:
  std::unique_ptr<InferenceSession> session_;
  int repetitions_ = 1;
  std::vector<double> rounds_;
};

}  // namespace

absl::StatusOr<QuantizedAssignment> QuantizersOf(
    const Calibration& calibration, const std::map<std::string, Precision>& assignment) {
  QuantizedAssignment quantizers;
  for (const auto& [layer, precision] : assignment) {
    if (precision.IsFloat32()) continue;
    HT_ASSIGN_OR_RETURN(quantizers[layer], calibration.Find(layer, precision));
  }
  return quantizers;
}

absl::StatusOr<MeasuredLatency> MeasureLatency(const PreparedNetwork& network,
                                               const Calibration& calibration, const Dataset& data,
                                               const std::map<std::string, Precision>& reference,
                                               const std::map<std::string, Precision>& assignment,
                                               int batch, int threads, const Progress& progress) {
  SetCpuThreads(threads);
  const int64_t bound_batch = network.graph.fixed_batch().value_or(batch);
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(bound_batch));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(graph));
  std::vector<std::unique_ptr<TimedPlan>> plans;
  for (const auto* precisions : {&reference, &assignment}) {
    HT_RETURN_IF_ERROR(progress.Step(0, "preparing the inference plans"));
    HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantizers,
                        QuantizersOf(calibration, *precisions));
    HT_ASSIGN_OR_RETURN(auto plan, TimedPlan::Create(graph, layers, quantizers, data, bound_batch));
    plans.push_back(std::move(plan));
  }
  for (const auto& plan : plans) HT_RETURN_IF_ERROR(plan->WarmUp());
  for (int round = 0; round < kRounds; ++round) {
    HT_RETURN_IF_ERROR(progress.Step(static_cast<double>(round) / kRounds, "timing the network"));
    for (const auto& plan : plans) HT_RETURN_IF_ERROR(plan->Round());
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return MeasuredLatency{plans[0]->latency_ns(), plans[1]->latency_ns()};
}

}  // namespace halftone
