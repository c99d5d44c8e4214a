#include "search/sensitivity/hessian_loss.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/losses.h"
#include "nn/engine/ops.h"
#include "search/sensitivity/fisher_program.h"

namespace halftone {
namespace {

constexpr char kMask[] = "halftone:mask";  // 1 for samples, 0 for the padding of the last batch

std::string TargetInput(size_t head) { return absl::StrCat("halftone:target/", head); }

// The sum over the batch of the loss of one head.
absl::StatusOr<ValueId> AppendHeadLoss(ProgramBuilder& builder, const Head& head, size_t index,
                                       ValueId output, ValueId mask, int64_t batch) {
  const ValueId target = builder.AddInput(TargetInput(index), Shape(builder.shape(output)));
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

}  // namespace

absl::StatusOr<HessianLoss> ResolveHessianLoss(const SensitivityRequest& request,
                                               const Graph& bound) {
  const LossKind kind = request.options.loss;
  const LossKind divergence = kind == LossKind::kCrossEntropy ? LossKind::kKl : kind;
  HessianLoss loss;
  HT_ASSIGN_OR_RETURN(loss.heads, ResolveHeads(request.network, bound, divergence));
  const bool has_classes = loss.heads.size() == 1 && loss.heads[0].is_kl && loss.heads[0].rows == 1;
  loss.uses_labels = kind == LossKind::kCrossEntropy ||
                     (kind == LossKind::kAuto && has_classes && request.data.has_labels());
  if (loss.uses_labels && !has_classes) {
    return absl::InvalidArgumentError(
        "the loss cross-entropy needs one output, with one row of class logits");
  }
  loss.output_metric = loss.uses_labels ? "cross-entropy" : OutputMetricOf(loss.heads);
  HT_RETURN_IF_ERROR(CheckData(request.network, bound, request.data, loss.uses_labels));
  return loss;
}

absl::StatusOr<ValueId> AppendHessianLoss(LoweredGraph& lowered, const HessianLoss& loss,
                                          int64_t batch) {
  ProgramBuilder& builder = lowered.builder;
  const ValueId mask = builder.AddInput(kMask, Shape{batch});
  ValueId sum = kNoValue;
  for (size_t h = 0; h < loss.heads.size(); ++h) {
    HT_ASSIGN_OR_RETURN(const ValueId output, FindValue(lowered, loss.heads[h].value));
    HT_ASSIGN_OR_RETURN(const ValueId part,
                        AppendHeadLoss(builder, loss.heads[h], h, output, mask, batch));
    if (sum == kNoValue) {
      sum = part;
      continue;
    }
    HT_ASSIGN_OR_RETURN(sum, ops::Add(builder, sum, part));
  }
  return sum;
}

absl::StatusOr<HessianTargets> HessianTargets::Create(const HessianLoss& loss, const Graph& bound,
                                                      const Dataset& data, int64_t batch) {
  HessianTargets targets(loss, data, batch);
  if (loss.uses_labels) return targets;
  HT_ASSIGN_OR_RETURN(Program forward, BuildForwardProgram(bound, loss.heads));
  HT_ASSIGN_OR_RETURN(targets.forward_, BatchRunner::Create(std::move(forward), data, batch));
  return targets;
}

absl::Status HessianTargets::SetLabels(int64_t begin, int64_t valid, BatchRunner& runner) const {
  const auto classes = static_cast<size_t>(loss_.heads[0].width);
  std::vector<float> targets(static_cast<size_t>(batch_) * classes, 0.0f);
  for (int64_t n = 0; n < valid; ++n) {
    const int64_t label = data_->labels()[static_cast<size_t>(begin + n)];
    targets[static_cast<size_t>(n) * classes + static_cast<size_t>(label)] = 1;
  }
  return runner.SetInput(TargetInput(0), targets);
}

absl::Status HessianTargets::SetInputs(int64_t begin, int64_t valid,
                                       const Cancellation& cancellation, BatchRunner& runner) {
  std::vector<float> mask(static_cast<size_t>(batch_), 0.0f);
  std::fill_n(mask.begin(), valid, 1.0f);
  HT_RETURN_IF_ERROR(runner.SetInput(kMask, mask));
  if (loss_.uses_labels) return SetLabels(begin, valid, runner);
  HT_RETURN_IF_ERROR(forward_->Run(begin, cancellation));
  for (size_t h = 0; h < loss_.heads.size(); ++h) {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> output,
                        forward_->Output(loss_.heads[h].value));
    std::vector<float> targets(output.begin(), output.end());
    const auto width = static_cast<size_t>(loss_.heads[h].width);
    for (size_t row = 0; loss_.heads[h].is_kl && row < output.size(); row += width) {
      const std::vector<double> p = SoftmaxRow(output.subspan(row, width));
      std::copy(p.begin(), p.end(), targets.begin() + static_cast<std::ptrdiff_t>(row));
    }
    HT_RETURN_IF_ERROR(runner.SetInput(TargetInput(h), targets));
  }
  return absl::OkStatus();
}

}  // namespace halftone
