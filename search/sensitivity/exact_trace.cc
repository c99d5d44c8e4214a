#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lower.h"
#include "nn/engine/piecewise_linear.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/gradient_norms.h"
#include "search/sensitivity/hessian_loss.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sample_layout.h"
#include "search/sensitivity/trace_program.h"
#include "search/sensitivity/traces.h"

namespace halftone {
namespace {

using BatchNorm = PreparedNetwork::BatchNorm;

// Whether the gradients of a tensor can be taken apart by samples. `layouts`: of what each of its
// layers reads.
absl::StatusOr<bool> Separates(const std::vector<Layer>& layers, const Graph& graph,
                               const WeightTensor& tensor, const SampleLayouts& layouts) {
  HT_ASSIGN_OR_RETURN(const std::vector<const Node*> nodes, NodesOfTensor(layers, graph, tensor));
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!SeparatesSamples(graph, *nodes[i], tensor.name, layouts[i])) return false;
    if (nodes[i]->op != nodes[0]->op) return false;
    HT_ASSIGN_OR_RETURN(const int64_t groups, nodes[i]->Int("group", 1));
    HT_ASSIGN_OR_RETURN(const int64_t of_first, nodes[0]->Int("group", 1));
    if (groups != of_first) return false;
  }
  return true;
}

// Streams the samples through the program.
class ExactTraceMeter {
 public:
  explicit ExactTraceMeter(const SensitivityRequest& request) : request_(request) {}

  absl::Status Prepare(const Cancellation& cancellation) {
    HT_RETURN_IF_ERROR(FindSeparable(cancellation));
    const bool one_by_one =
        std::find(separates_.begin(), separates_.end(), false) != separates_.end();
    SensitivityOptions options = request_.options;
    if (one_by_one) options.batch = 1;
    const SensitivityRequest batched = {request_.network, request_.data, request_.calibration,
                                        request_.precisions, options};
    HT_ASSIGN_OR_RETURN(const FittedProgram fitted,
                        FitBatch(batched, [&](int64_t batch) { return BuildProgram(batch); }));
    batch_ = fitted.batch;
    HT_ASSIGN_OR_RETURN(runner_, BatchRunner::Create(fitted.executable, request_.data, batch_));
    estimates_.resize(tensors_.size());
    if (!cotangents_->NeedsForward()) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph_, loss_.heads));
    HT_ASSIGN_OR_RETURN(forward_, BatchRunner::Create(std::move(forward), request_.data, batch_));
    return absl::OkStatus();
  }

  absl::Status Run(const Progress& progress) {
    return ForEachBatch(request_.data.samples(), batch_, progress,
                        [&](int64_t begin, int64_t valid) -> absl::Status {
                          if (forward_ != nullptr)
                            HT_RETURN_IF_ERROR(forward_->Run(begin, progress.cancellation));
                          HT_RETURN_IF_ERROR(cotangents_->SetInputs(
                              begin, batch_, request_.options.seed, forward_.get(), *runner_));
                          HT_RETURN_IF_ERROR(runner_->Run(begin, progress.cancellation));
                          for (int64_t n = 0; n < valid; ++n) HT_RETURN_IF_ERROR(AddSample(n));
                          return absl::OkStatus();
                        });
  }

  NetworkTraces Take() {
    NetworkTraces traces;
    for (size_t t = 0; t < tensors_.size(); ++t) {
      const bool is_hessian = loss_.IsDivergence() || linear_[t];
      traces.traces.push_back({estimates_[t].mean(), estimates_[t].standard_error(),
                               is_hessian ? TraceKind::kExact : TraceKind::kGaussNewton});
    }
    traces.tensors = std::move(tensors_);
    traces.output_metric = loss_.output_metric;
    traces.labels_drawn = !cotangents_->IsExact();
    return traces;
  }

 private:
  absl::Status FindSeparable(const Cancellation& cancellation) {
    const PreparedNetwork& network = request_.network;
    const std::vector<Layer>& layers = network.layers.layers;
    const int64_t samples = request_.data.samples();
    HT_ASSIGN_OR_RETURN(const Graph graph,
                        network.Bind(network.BatchFor(1, samples), BatchNorm::kKept));
    HT_ASSIGN_OR_RETURN(loss_, ResolveHessianLoss(request_, graph));
    HT_ASSIGN_OR_RETURN(tensors_, FindWeightTensors(layers, graph));
    HT_RETURN_IF_ERROR(FindLayouts(graph, cancellation));
    const int64_t fixed = network.graph.fixed_batch().value_or(1);
    for (size_t t = 0; t < tensors_.size(); ++t) {
      HT_ASSIGN_OR_RETURN(const bool separates, Separates(layers, graph, tensors_[t], layouts_[t]));
      separates_.push_back(separates);
      if (!separates && fixed != 1) {
        return absl::UnimplementedError(absl::StrCat(
            "layer '", layers[tensors_[t].layers[0]].name,
            "': its samples cannot be told apart in a model with a fixed batch of ", fixed));
      }
    }
    return absl::OkStatus();
  }

  absl::Status FindLayouts(const Graph& graph, const Cancellation& cancellation) {
    const PreparedNetwork& network = request_.network;
    std::vector<std::string> sources;
    for (const WeightTensor& tensor : tensors_) {
      HT_ASSIGN_OR_RETURN(const std::vector<const Node*> nodes,
                          NodesOfTensor(network.layers.layers, graph, tensor));
      for (const Node* node : nodes) sources.emplace_back(node->Input(0));
    }
    const int64_t batch = network.BatchFor(request_.options.batch, request_.data.samples());
    HT_ASSIGN_OR_RETURN(
        const SampleLayouts found,
        FindSampleLayouts(network, request_.data, batch, BatchNorm::kKept, sources, cancellation));
    auto next = found.begin();
    for (const WeightTensor& tensor : tensors_) {
      const auto count = static_cast<std::ptrdiff_t>(tensor.layers.size());
      layouts_.emplace_back(next, next + count);
      next += count;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Program> BuildProgram(int64_t batch) {
    HT_ASSIGN_OR_RETURN(graph_, request_.network.Bind(batch, BatchNorm::kKept));
    HT_ASSIGN_OR_RETURN(loss_, ResolveHessianLoss(request_, graph_));
    cotangents_.emplace(loss_.heads, request_.options);
    HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph_));
    HT_RETURN_IF_ERROR(FindLinear(lowered));
    return BuildTraceProgram(
        {request_.network.layers.layers, graph_, batch, *cotangents_, tensors_, layouts_},
        separates_, std::move(lowered));
  }

  absl::Status FindLinear(const LoweredGraph& lowered) {
    std::vector<ValueId> weights, heads;
    for (const WeightTensor& tensor : tensors_) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, tensor.name));
      weights.push_back(value);
    }
    for (const Head& head : loss_.heads) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered, head.value));
      heads.push_back(value);
    }
    linear_ = PiecewiseLinearIn(lowered.builder.program(), weights, heads);
    return absl::OkStatus();
  }

  absl::Status AddSample(int64_t n) {
    HT_ASSIGN_OR_RETURN(const std::vector<double> weights, cotangents_->Weights(*runner_, n));
    for (size_t t = 0; t < tensors_.size(); ++t) {
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> norms,
                          runner_->Output(TraceNormsOutput(t)));
      double trace = 0;
      for (size_t k = 0; k < weights.size(); ++k) {
        trace +=
            weights[k] * static_cast<double>(norms[static_cast<size_t>(n) * weights.size() + k]);
      }
      if (!std::isfinite(trace)) {
        const Layer& layer = request_.network.layers.layers[tensors_[t].layers[0]];
        return absl::InvalidArgumentError(
            absl::StrCat("layer '", layer.name, "': its gradient is not finite"));
      }
      estimates_[t].Add(trace);
    }
    return absl::OkStatus();
  }

  const SensitivityRequest& request_;
  std::vector<WeightTensor> tensors_;
  std::vector<SampleLayouts> layouts_;  // of what each layer of each tensor reads
  std::vector<bool> separates_, linear_;
  int64_t batch_ = 1;
  Graph graph_;
  HessianLoss loss_;
  std::optional<OutputCotangents> cotangents_;
  std::unique_ptr<BatchRunner> runner_, forward_;
  std::vector<MeanEstimate> estimates_;
};

}  // namespace

absl::StatusOr<NetworkTraces> ExactTraces(const SensitivityRequest& request,
                                          const Progress& progress) {
  ExactTraceMeter meter(request);
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  HT_RETURN_IF_ERROR(meter.Prepare(progress.cancellation));
  HT_RETURN_IF_ERROR(meter.Run(progress.Part(0.05, 1)));
  return meter.Take();
}

}  // namespace halftone
