#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/lower.h"
#include "nn/engine/piecewise_linear.h"
#include "search/sensitivity/batch_fit.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/fisher_program.h"
#include "search/sensitivity/gradient_norms.h"
#include "search/sensitivity/hessian_loss.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/traces.h"

namespace halftone {
namespace {

using BatchNorm = PreparedNetwork::BatchNorm;

std::string NormsOutput(size_t tensor) { return absl::StrCat("halftone:norms/", tensor); }

// The nodes that read a tensor.
absl::StatusOr<std::vector<const Node*>> NodesOf(const std::vector<Layer>& layers,
                                                 const Graph& graph, const WeightTensor& tensor) {
  std::vector<const Node*> nodes;
  for (const size_t l : tensor.layers) {
    nodes.push_back(graph.FindNode(layers[l].name));
    if (nodes.back() == nullptr) {
      return absl::InternalError(absl::StrCat("layer '", layers[l].name, "' has no node"));
    }
  }
  return nodes;
}

// Whether the gradients of a tensor can be taken apart by samples.
absl::StatusOr<bool> Separates(const std::vector<Layer>& layers, const Graph& graph,
                               const WeightTensor& tensor, int64_t batch) {
  HT_ASSIGN_OR_RETURN(const std::vector<const Node*> nodes, NodesOf(layers, graph, tensor));
  return std::all_of(nodes.begin(), nodes.end(), [&](const Node* node) {
    return SeparatesSamples(graph, *node, tensor.name, batch) && node->op == nodes[0]->op &&
           node->Int("group", 1).value_or(1) == nodes[0]->Int("group", 1).value_or(1);
  });
}

// Grows the backward passes and the norms of one batch.
class TraceProgram {
 public:
  TraceProgram(const SensitivityRequest& request, const Graph& graph, int64_t batch,
               const OutputCotangents& cotangents, const std::vector<WeightTensor>& tensors,
               LoweredGraph lowered)
      : layers_(request.network.layers.layers),
        graph_(graph),
        batch_(batch),
        cotangents_(cotangents),
        tensors_(tensors),
        lowered_(std::move(lowered)) {}

  // `separates`: of every tensor; where it does not, the batch is 1.
  absl::StatusOr<Program> Build(const std::vector<bool>& separates) {
    for (const Head& head : cotangents_.heads()) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, head.value));
      heads_.push_back(value);
    }
    HT_ASSIGN_OR_RETURN(diffs_, cotangents_.AppendTo(lowered_, outputs_));
    std::vector<std::vector<WeightUse>> uses(tensors_.size());
    for (size_t t = 0; t < tensors_.size(); ++t) {
      if (!separates[t]) continue;
      HT_ASSIGN_OR_RETURN(uses[t], UsesOf(tensors_[t]));
    }
    HT_RETURN_IF_ERROR(AppendGradients(uses));
    // From the last layer to the first, as the backward passes go: their values die early.
    for (size_t t = tensors_.size(); t-- > 0;) {
      lowered_.builder.SetLabel(layers_[tensors_[t].layers[0]].name);
      HT_ASSIGN_OR_RETURN(const ValueId norms, AppendNorms(t, uses[t]));
      outputs_.emplace_back(NormsOutput(t), norms);
    }
    return lowered_.builder.Build(outputs_);
  }

 private:
  absl::StatusOr<std::vector<WeightUse>> UsesOf(const WeightTensor& tensor) {
    HT_ASSIGN_OR_RETURN(const std::vector<const Node*> nodes, NodesOf(layers_, graph_, tensor));
    std::vector<WeightUse> uses;
    for (const Node* node : nodes) {
      WeightUse& use = uses.emplace_back();
      use.node = node;
      HT_ASSIGN_OR_RETURN(use.src, FindValue(lowered_, node->Input(0)));
      HT_ASSIGN_OR_RETURN(use.weights, FindValue(lowered_, tensor.name));
      HT_ASSIGN_OR_RETURN(const ValueId dst, FindValue(lowered_, node->outputs[0]));
      dsts_.push_back(dst);
    }
    return uses;
  }

  // dsts_ are in the order of the tensors' uses.
  absl::Status AppendGradients(std::vector<std::vector<WeightUse>>& uses) {
    for (const std::vector<ValueId>& cotangent : diffs_) {
      HT_ASSIGN_OR_RETURN(const std::vector<ValueId> gradient,
                          AppendVjp(lowered_.builder, heads_, cotangent, dsts_));
      size_t next = 0;
      for (std::vector<WeightUse>& of_tensor : uses) {
        for (WeightUse& use : of_tensor) use.diff_dsts.push_back(gradient[next++]);
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ValueId> AppendNorms(size_t t, const std::vector<WeightUse>& uses) {
    if (!uses.empty()) return AppendGradientNorms(lowered_.builder, uses, batch_);
    HT_ASSIGN_OR_RETURN(const ValueId weights, FindValue(lowered_, tensors_[t].name));
    return AppendWholeGradientNorms(lowered_.builder, heads_, diffs_, weights);
  }

  const std::vector<Layer>& layers_;
  const Graph& graph_;
  int64_t batch_;
  const OutputCotangents& cotangents_;
  const std::vector<WeightTensor>& tensors_;
  LoweredGraph lowered_;
  std::vector<ValueId> heads_, dsts_;
  std::vector<std::vector<ValueId>> diffs_;  // [cotangent][head]
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

// Streams the samples through the program.
class ExactTraceMeter {
 public:
  explicit ExactTraceMeter(const SensitivityRequest& request) : request_(request) {}

  absl::Status Prepare() {
    HT_RETURN_IF_ERROR(FindSeparable());
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
    if (cotangents_->kind() != OutputCotangents::Kind::kLabelDraws) return absl::OkStatus();
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
  // A first axis that is as long as the batch is taken for the samples only if it is at another
  // batch, too.
  absl::Status FindSeparable() {
    const std::vector<Layer>& layers = request_.network.layers.layers;
    const std::optional<int64_t> fixed = request_.network.graph.fixed_batch();
    std::vector<int64_t> batches = {2, 3};
    if (fixed.has_value()) batches = {*fixed};
    for (const int64_t batch : batches) {
      HT_ASSIGN_OR_RETURN(const Graph graph, request_.network.Bind(batch, BatchNorm::kKept));
      HT_ASSIGN_OR_RETURN(tensors_, FindWeightTensors(layers, graph));
      separates_.resize(tensors_.size(), true);
      for (size_t t = 0; t < tensors_.size(); ++t) {
        HT_ASSIGN_OR_RETURN(const bool separates, Separates(layers, graph, tensors_[t], batch));
        separates_[t] = separates_[t] && separates;
        if (!separates && fixed.value_or(1) != 1) {
          return absl::UnimplementedError(absl::StrCat(
              "layer '", layers[tensors_[t].layers[0]].name,
              "': its samples cannot be told apart in a model with a fixed batch of ", *fixed));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Program> BuildProgram(int64_t batch) {
    HT_ASSIGN_OR_RETURN(graph_, request_.network.Bind(batch, BatchNorm::kKept));
    HT_ASSIGN_OR_RETURN(loss_, ResolveHessianLoss(request_, graph_));
    cotangents_.emplace(loss_.heads, request_.options);
    HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph_));
    HT_RETURN_IF_ERROR(FindLinear(lowered));
    return TraceProgram(request_, graph_, batch, *cotangents_, tensors_, std::move(lowered))
        .Build(separates_);
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
      HT_ASSIGN_OR_RETURN(const absl::Span<const float> norms, runner_->Output(NormsOutput(t)));
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
  HT_RETURN_IF_ERROR(meter.Prepare());
  HT_RETURN_IF_ERROR(meter.Run(progress.Part(0.05, 1)));
  return meter.Take();
}

}  // namespace halftone
