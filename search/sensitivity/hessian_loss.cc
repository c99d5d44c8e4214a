#include "search/sensitivity/hessian_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

// What a sample of a head counts, where that depends on its outputs.
std::string ShareInput(size_t head) { return absl::StrCat("halftone:share/", head); }

// [batch * rows, width], the classes of a row one after the other.
absl::StatusOr<ValueId> ToRows(ProgramBuilder& builder, const Head& head, ValueId value,
                               int64_t batch) {
  const int64_t rows = batch * head.rows;
  if (head.stride > 1) {
    const Shape apart{rows / head.stride, head.width, head.stride};
    HT_ASSIGN_OR_RETURN(value, ops::Reshape(builder, value, apart));
    HT_ASSIGN_OR_RETURN(value, ops::Transpose(builder, value, {0, 2, 1}));
  }
  return ops::Reshape(builder, value, Shape{rows, head.width});
}

// log(1 + exp(x)) - t x, summed over the labels of a row: the cross-entropy of labels that hold
// with probabilities t.
absl::StatusOr<ValueId> LabelEntropyPerRow(ProgramBuilder& builder, ValueId logits,
                                           ValueId targets) {
  HT_ASSIGN_OR_RETURN(const ValueId softplus,
                      ops::Unary(builder, UnaryFunction::kSoftplus, logits));
  HT_ASSIGN_OR_RETURN(const ValueId sums, ops::ReduceSum(builder, softplus, {1}, false));
  HT_ASSIGN_OR_RETURN(const ValueId product, ops::InnerProductPerSample(builder, logits, targets));
  return ops::Sub(builder, sums, product);
}

// 1 - x.t / |x| of a row, with targets of length 1.
absl::StatusOr<ValueId> CosineDistancePerRow(ProgramBuilder& builder, ValueId x, ValueId targets) {
  constexpr float kTiny = 1e-30f;  // a row of zeros has no direction
  HT_ASSIGN_OR_RETURN(ValueId norm, ops::InnerProductPerSample(builder, x, x));
  HT_ASSIGN_OR_RETURN(norm, ops::Unary(builder, UnaryFunction::kLinear, norm, 1, kTiny));
  HT_ASSIGN_OR_RETURN(norm, ops::Unary(builder, UnaryFunction::kPower, norm, 1, -0.5f));
  HT_ASSIGN_OR_RETURN(const ValueId product, ops::InnerProductPerSample(builder, x, targets));
  HT_ASSIGN_OR_RETURN(const ValueId cosine, ops::Mul(builder, product, norm));
  return ops::Unary(builder, UnaryFunction::kLinear, cosine, -1, 1);
}

absl::StatusOr<ValueId> LossPerRow(ProgramBuilder& builder, const Head& head, ValueId output,
                                   ValueId target, int64_t batch) {
  HT_ASSIGN_OR_RETURN(const ValueId x, ToRows(builder, head, output, batch));
  HT_ASSIGN_OR_RETURN(const ValueId t, ToRows(builder, head, target, batch));
  if (head.kind == HeadKind::kBernoulli) return LabelEntropyPerRow(builder, x, t);
  if (head.kind == HeadKind::kCosine) return CosineDistancePerRow(builder, x, t);
  return ops::CrossEntropyPerSample(builder, x, t);
}

// The sum over the batch of the loss of one head.
absl::StatusOr<ValueId> AppendHeadLoss(ProgramBuilder& builder, const Head& head, size_t index,
                                       ValueId output, ValueId mask, int64_t batch) {
  const ValueId target = builder.AddInput(TargetInput(index), Shape(builder.shape(output)));
  if (head.kind == HeadKind::kMse || head.kind == HeadKind::kRelative) {
    const bool is_relative = head.kind == HeadKind::kRelative;
    const ValueId share = is_relative ? builder.AddInput(ShareInput(index), Shape{batch}) : mask;
    HT_ASSIGN_OR_RETURN(const ValueId error, ops::SquaredErrorPerSample(builder, output, target));
    HT_ASSIGN_OR_RETURN(const ValueId masked, ops::Mul(builder, error, share));
    HT_ASSIGN_OR_RETURN(const ValueId sum, ops::SumAll(builder, masked));
    return head.factor == 1 ? sum : ops::Scale(builder, sum, static_cast<float>(head.factor));
  }
  HT_ASSIGN_OR_RETURN(const ValueId loss, LossPerRow(builder, head, output, target, batch));
  HT_ASSIGN_OR_RETURN(const ValueId per_row, ops::Reshape(builder, loss, Shape{batch, head.rows}));
  HT_ASSIGN_OR_RETURN(const ValueId column, ops::Reshape(builder, mask, Shape{batch, 1}));
  HT_ASSIGN_OR_RETURN(const ValueId masked, ops::Mul(builder, per_row, column));
  HT_ASSIGN_OR_RETURN(const ValueId sum, ops::SumAll(builder, masked));
  return ops::Scale(builder, sum, static_cast<float>(head.factor) / static_cast<float>(head.rows));
}

// What AppendHeadLoss compares with, in the place of the outputs of a sample.
void MakeTargets(const Head& head, absl::Span<const float> output, absl::Span<float> target) {
  std::copy(output.begin(), output.end(), target.begin());
  std::vector<float> buffer;
  for (int64_t row = 0; row < head.rows; ++row) {
    std::vector<double> values;
    const absl::Span<const float> x = RowOf(head, output, row, buffer);
    if (head.is_kl()) {
      values = SoftmaxRow(x);
    } else if (head.kind == HeadKind::kBernoulli) {
      for (const float logit : x) values.push_back(1 / (1 + std::exp(-static_cast<double>(logit))));
    } else if (head.kind == HeadKind::kCosine) {
      double power = 0;
      for (const float y : x) power += static_cast<double>(y) * static_cast<double>(y);
      for (const float y : x) values.push_back(power == 0 ? 0 : y / std::sqrt(power));
    }
    for (size_t c = 0; c < values.size(); ++c) {
      const auto stride = static_cast<size_t>(head.stride);
      target[static_cast<size_t>(head.Offset(row)) + c * stride] = static_cast<float>(values[c]);
    }
  }
}

// The elements of a sample over |y|^2, which makes a mean squared error a relative one.
float RelativeShare(const Head& head, absl::Span<const float> output) {
  double power = 0;
  for (const float y : output) power += static_cast<double>(y) * static_cast<double>(y);
  power = std::max({power, head.least_power, double{std::numeric_limits<float>::min()}});
  return static_cast<float>(static_cast<double>(head.elements()) / power);
}

}  // namespace

absl::StatusOr<HessianLoss> ResolveHessianLoss(const SensitivityRequest& request,
                                               const Graph& bound) {
  const LossKind kind = request.options.loss;
  const LossKind divergence = kind == LossKind::kCrossEntropy ? LossKind::kKl : kind;
  HessianLoss loss;
  HT_ASSIGN_OR_RETURN(loss.heads, ResolveHeads(request.network, bound, divergence));
  const bool has_classes =
      loss.heads.size() == 1 && loss.heads[0].is_kl() && loss.heads[0].rows == 1;
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
    const Head& head = loss_.heads[h];
    std::vector<float> targets(output.size());
    std::vector<float> shares(static_cast<size_t>(batch_), 0.0f);
    const auto size = static_cast<size_t>(head.elements());
    for (size_t n = 0; n < shares.size(); ++n) {
      const absl::Span<const float> sample = output.subspan(n * size, size);
      MakeTargets(head, sample, absl::MakeSpan(targets).subspan(n * size, size));
      if (n < static_cast<size_t>(valid)) shares[n] = RelativeShare(head, sample);
    }
    if (head.kind == HeadKind::kRelative) {
      HT_RETURN_IF_ERROR(runner.SetInput(ShareInput(h), shares));
    }
    HT_RETURN_IF_ERROR(runner.SetInput(TargetInput(h), targets));
  }
  return absl::OkStatus();
}

}  // namespace halftone
