#include "search/sensitivity/hessian_program.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/derivative.h"
#include "nn/engine/losses.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "search/sensitivity/fisher_program.h"

namespace halftone {
namespace {

constexpr char kMask[] = "halftone:mask";  // 1 for samples, 0 for the padding of the last batch

std::string TargetInput(size_t head) { return absl::StrCat("halftone:target/", head); }
std::string VectorInput(int index, size_t tensor) {
  return absl::StrCat("halftone:v/", index, "/", tensor);
}
std::string ResultOutput(int index, size_t tensor) {
  return absl::StrCat("halftone:hv/", index, "/", tensor);
}

// The sum over the batch of the loss of one head, padding left out.
absl::StatusOr<ValueId> AppendLoss(ProgramBuilder& builder, const Head& head, size_t index,
                                   ValueId output, ValueId mask, int64_t batch) {
  const ValueId target = builder.AddInput(TargetInput(index), builder.shape(output));
  if (!head.is_kl) {
    HT_ASSIGN_OR_RETURN(const ValueId error, ops::SquaredErrorPerSample(builder, output, target));
    HT_ASSIGN_OR_RETURN(const ValueId masked, ops::Mul(builder, error, mask));
    return ops::SumAll(builder, masked);
  }
  const Shape rows{batch * head.rows, head.width};
  HT_ASSIGN_OR_RETURN(const ValueId logits, ops::Reshape(builder, output, rows));
  HT_ASSIGN_OR_RETURN(const ValueId targets, ops::Reshape(builder, target, rows));
  HT_ASSIGN_OR_RETURN(const ValueId entropy, ops::CrossEntropyPerSample(builder, logits, targets));
  HT_ASSIGN_OR_RETURN(const ValueId per_row,
                      ops::Reshape(builder, entropy, Shape{batch, head.rows}));
  HT_ASSIGN_OR_RETURN(const ValueId column, ops::Reshape(builder, mask, Shape{batch, 1}));
  HT_ASSIGN_OR_RETURN(const ValueId masked, ops::Mul(builder, per_row, column));
  HT_ASSIGN_OR_RETURN(const ValueId sum, ops::SumAll(builder, masked));
  return ops::Scale(builder, sum, 1.0f / static_cast<float>(head.rows));
}

// Grows the forward pass, the gradient with respect to the tensors, and the products.
class ProductBuilder {
 public:
  ProductBuilder(LoweredGraph lowered, const std::vector<WeightTensor>& tensors)
      : lowered_(std::move(lowered)), builder_(lowered_.builder), tensors_(tensors) {}

  absl::Status AppendGradient(const std::vector<Head>& heads, int64_t batch) {
    one_ = builder_.AddScalar(1);
    const ValueId mask = builder_.AddInput(kMask, Shape{batch});
    ValueId loss = kNoValue;
    for (size_t h = 0; h < heads.size(); ++h) {
      HT_ASSIGN_OR_RETURN(const ValueId output, FindValue(lowered_, heads[h].value));
      HT_ASSIGN_OR_RETURN(const ValueId part,
                          AppendLoss(builder_, heads[h], h, output, mask, batch));
      if (loss == kNoValue) {
        loss = part;
        continue;
      }
      HT_ASSIGN_OR_RETURN(loss, ops::Add(builder_, loss, part));
    }
    for (const WeightTensor& tensor : tensors_) {
      HT_ASSIGN_OR_RETURN(const ValueId value, FindValue(lowered_, tensor.name));
      weights_.push_back(value);
    }
    HT_ASSIGN_OR_RETURN(gradient_, AppendVjp(builder_, {loss}, {one_}, weights_));
    return absl::OkStatus();
  }

  // v_l' (H v)_l for v over all tensors.
  absl::Status AppendQuadraticForms(int index) {
    std::vector<ValueId> vectors;
    ValueId inner = kNoValue;
    for (size_t t = 0; t < tensors_.size(); ++t) {
      vectors.push_back(builder_.AddInput(VectorInput(index, t), builder_.shape(weights_[t])));
      HT_ASSIGN_OR_RETURN(const ValueId part, Inner(gradient_[t], vectors[t]));
      if (inner == kNoValue) {
        inner = part;
        continue;
      }
      HT_ASSIGN_OR_RETURN(inner, ops::Add(builder_, inner, part));
    }
    HT_ASSIGN_OR_RETURN(const auto products, AppendVjp(builder_, {inner}, {one_}, weights_));
    for (size_t t = 0; t < tensors_.size(); ++t) {
      HT_ASSIGN_OR_RETURN(const ValueId form, Inner(products[t], vectors[t]));
      outputs_.emplace_back(ResultOutput(index, t), form);
    }
    return absl::OkStatus();
  }

  // H_ll v_l of each tensor by itself.
  absl::Status AppendBlockProducts() {
    for (size_t t = 0; t < tensors_.size(); ++t) {
      const ValueId vector = builder_.AddInput(VectorInput(0, t), builder_.shape(weights_[t]));
      HT_ASSIGN_OR_RETURN(const ValueId inner, Inner(gradient_[t], vector));
      HT_ASSIGN_OR_RETURN(const auto product, AppendVjp(builder_, {inner}, {one_}, {weights_[t]}));
      outputs_.emplace_back(ResultOutput(0, t), product[0]);
    }
    return absl::OkStatus();
  }

  Program Build() const { return builder_.Build(outputs_); }

 private:
  absl::StatusOr<ValueId> Inner(ValueId a, ValueId b) {
    HT_ASSIGN_OR_RETURN(const ValueId product, ops::Mul(builder_, a, b));
    return ops::SumAll(builder_, product);
  }

  LoweredGraph lowered_;
  ProgramBuilder& builder_;
  const std::vector<WeightTensor>& tensors_;
  ValueId one_ = kNoValue;
  std::vector<ValueId> weights_, gradient_;
  std::vector<std::pair<std::string, ValueId>> outputs_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HessianProduct>> HessianProduct::Create(
    const SensitivityRequest& request, Mode mode, int vectors) {
  auto product = std::unique_ptr<HessianProduct>(new HessianProduct(request));
  HT_RETURN_IF_ERROR(product->Build(mode, vectors));
  return product;
}

absl::Status HessianProduct::ResolveLoss(const Graph& graph) {
  const LossKind kind = request_.options.loss;
  const LossKind divergence = kind == LossKind::kCrossEntropy ? LossKind::kKl : kind;
  HT_ASSIGN_OR_RETURN(heads_, ResolveHeads(request_.network, graph, divergence));
  const bool has_classes = heads_.size() == 1 && heads_[0].is_kl && heads_[0].rows == 1;
  uses_labels_ = kind == LossKind::kCrossEntropy ||
                 (kind == LossKind::kAuto && has_classes && request_.data.has_labels());
  if (uses_labels_ && !has_classes) {
    return absl::InvalidArgumentError(
        "the loss cross-entropy needs one output, with one row of class logits");
  }
  output_metric_ = uses_labels_ ? "cross-entropy" : OutputMetricOf(heads_);
  return CheckData(request_.network, graph, request_.data, uses_labels_);
}

absl::Status HessianProduct::FindTensors(const Graph& graph) {
  const std::vector<Layer>& layers = request_.network.layers.layers;
  for (size_t l = 0; l < layers.size(); ++l) {
    if (layers[l].weights.empty()) continue;
    const auto known =
        std::find_if(tensors_.begin(), tensors_.end(),
                     [&](const WeightTensor& tensor) { return tensor.name == layers[l].weights; });
    if (known != tensors_.end()) {
      known->layers.push_back(l);
      continue;
    }
    const auto found = graph.initializers.find(layers[l].weights);
    if (found == graph.initializers.end()) {
      return absl::InternalError(absl::StrCat("weights '", layers[l].weights, "' are missing"));
    }
    HT_ASSIGN_OR_RETURN(std::vector<float> values, found->second.ToFloats());
    tensors_.push_back(
        {layers[l].weights, Tensor::Of(found->second.shape(), std::move(values)), {l}});
  }
  if (!tensors_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("the network has no weights to take a Hessian in");
}

absl::Status HessianProduct::Build(Mode mode, int vectors) {
  batch_ = request_.network.BatchFor(request_.options.batch, request_.data.samples());
  HT_ASSIGN_OR_RETURN(const Graph graph,
                      request_.network.Bind(batch_, PreparedNetwork::BatchNorm::kKept));
  HT_RETURN_IF_ERROR(ResolveLoss(graph));
  HT_RETURN_IF_ERROR(FindTensors(graph));
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerGraph(graph));
  ProductBuilder products(std::move(lowered), tensors_);
  HT_RETURN_IF_ERROR(products.AppendGradient(heads_, batch_));
  if (mode == Mode::kBlockProducts) {
    HT_RETURN_IF_ERROR(products.AppendBlockProducts());
  } else {
    for (int i = 0; i < vectors; ++i) HT_RETURN_IF_ERROR(products.AppendQuadraticForms(i));
  }
  HT_ASSIGN_OR_RETURN(runner_, BatchRunner::Create(products.Build(), request_.data, batch_));
  for (int i = 0; i < vectors; ++i) {
    for (const WeightTensor& tensor : tensors_) {
      const bool is_block = mode == Mode::kBlockProducts;
      results_.emplace_back(is_block ? static_cast<size_t>(tensor.values.elements()) : 1, 0.0);
    }
  }
  if (uses_labels_) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(graph, heads_));
  HT_ASSIGN_OR_RETURN(forward_, BatchRunner::Create(std::move(forward), request_.data, batch_));
  return absl::OkStatus();
}

absl::Status HessianProduct::SetVector(int index, size_t tensor, absl::Span<const float> values) {
  return runner_->SetInput(VectorInput(index, tensor), values);
}

absl::Status HessianProduct::SetTargets(int64_t begin, int64_t valid,
                                        const Cancellation& cancellation) {
  std::vector<float> mask(static_cast<size_t>(batch_), 0.0f);
  std::fill_n(mask.begin(), valid, 1.0f);
  HT_RETURN_IF_ERROR(runner_->SetInput(kMask, mask));
  if (uses_labels_) {
    const auto classes = static_cast<size_t>(heads_[0].width);
    std::vector<float> targets(static_cast<size_t>(batch_) * classes, 0.0f);
    for (int64_t n = 0; n < valid; ++n) {
      const int64_t label = request_.data.labels()[static_cast<size_t>(begin + n)];
      targets[static_cast<size_t>(n) * classes + static_cast<size_t>(label)] = 1;
    }
    return runner_->SetInput(TargetInput(0), targets);
  }
  HT_RETURN_IF_ERROR(forward_->Run(begin, cancellation));
  for (size_t h = 0; h < heads_.size(); ++h) {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> output, forward_->Output(heads_[h].value));
    std::vector<float> targets(output.begin(), output.end());
    const auto width = static_cast<size_t>(heads_[h].width);
    for (size_t row = 0; heads_[h].is_kl && row < output.size(); row += width) {
      const std::vector<double> p = SoftmaxRow(output.subspan(row, width));
      std::copy(p.begin(), p.end(), targets.begin() + static_cast<std::ptrdiff_t>(row));
    }
    HT_RETURN_IF_ERROR(runner_->SetInput(TargetInput(h), targets));
  }
  return absl::OkStatus();
}

absl::Status HessianProduct::Accumulate() {
  for (size_t r = 0; r < results_.size(); ++r) {
    const size_t tensor = r % tensors_.size();
    const auto index = static_cast<int>(r / tensors_.size());
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values,
                        runner_->Output(ResultOutput(index, tensor)));
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) {
        const size_t layer = tensors_[tensor].layers[0];
        return absl::InternalError(absl::StrCat("layer '",
                                                request_.network.layers.layers[layer].name,
                                                "': its second derivative is not finite"));
      }
      results_[r][i] += values[i];
    }
  }
  return absl::OkStatus();
}

absl::Status HessianProduct::Run(const Progress& progress) {
  for (std::vector<double>& result : results_) std::fill(result.begin(), result.end(), 0.0);
  const int64_t samples = request_.data.samples();
  HT_RETURN_IF_ERROR(
      ForEachBatch(samples, batch_, progress, [&](int64_t begin, int64_t valid) -> absl::Status {
        const Cancellation& cancellation = progress.cancellation;
        HT_RETURN_IF_ERROR(SetTargets(begin, valid, cancellation));
        HT_RETURN_IF_ERROR(runner_->Run(begin, cancellation));
        return Accumulate();
      }));
  for (std::vector<double>& result : results_) {
    for (double& value : result) value /= static_cast<double>(samples);
  }
  return absl::OkStatus();
}

}  // namespace halftone
