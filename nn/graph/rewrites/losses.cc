#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"

// Losses that a network was exported with.
namespace halftone {
namespace {

// Softmax of opset 13 works on one axis, before that on all from one on.
constexpr int64_t kOpsetOfOneAxis = 13;

// Sources: log-probabilities or scores [N, C, d1, ..], labels [N, d1, ..], and maybe weights [C].
struct LossShapes {
  int rank = 0;                                       // of the first source
  std::vector<int64_t> classes_last, classes_second;  // permutations there and back
};

absl::StatusOr<LossShapes> CheckSources(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo labels, context.Input(1));
  LossShapes shapes;
  shapes.rank = src.shape.rank();
  bool fits = shapes.rank >= 2 && labels.shape.rank() == shapes.rank - 1;
  for (int axis = 0; fits && axis < labels.shape.rank(); ++axis) {
    fits = labels.shape.dim(axis) == src.shape.dim(axis == 0 ? 0 : axis + 1);
  }
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("labels ", labels.shape.ToString(), " for ", src.shape.ToString()));
  }
  shapes.classes_last = {0};
  for (int axis = 2; axis < shapes.rank; ++axis) shapes.classes_last.push_back(axis);
  shapes.classes_last.push_back(1);
  shapes.classes_second = {0, shapes.rank - 1};
  for (int axis = 1; axis + 1 < shapes.rank; ++axis) shapes.classes_second.push_back(axis);
  return shapes;
}

// What labels that do not count become: 0 in place of the label, and a weight of 0.
struct Labels {
  std::string values;
  std::string weights;  // of each; "" where all are 1
};

absl::StatusOr<Labels> WriteLabels(const NodeContext& context, PartsBuilder& builder) {
  Labels labels = {context.node.inputs[1], ""};
  std::string is_ignored;
  if (context.node.Has("ignore_index")) {
    HT_ASSIGN_OR_RETURN(const int64_t ignored, context.node.Int("ignore_index", 0));
    const bool narrow = context.infos[1]->type == DataType::kInt32;
    const auto number = [&](int64_t value) {
      return builder.Constant(
          "label", narrow ? Tensor::Scalar(static_cast<int32_t>(value)) : Tensor::Scalar(value));
    };
    is_ignored = builder.Op("Equal", {labels.values, number(ignored)});
    labels.values = builder.Op("Where", {is_ignored, number(0), labels.values});
  }
  if (context.HasInput(2)) {
    labels.weights = builder.Op("Gather", {context.node.inputs[2], labels.values});
  }
  if (is_ignored.empty()) return labels;
  const std::string others = labels.weights.empty() ? builder.Float(1.0f) : labels.weights;
  labels.weights = builder.Op("Where", {is_ignored, builder.Float(0.0f), others});
  return labels;
}

// Over all elements: their sum or mean, as the node says; `losses` where it wants each.
absl::StatusOr<std::string> WriteReduction(const NodeContext& context, PartsBuilder& builder,
                                           const std::string& losses, const std::string& weights,
                                           int rank) {
  HT_ASSIGN_OR_RETURN(const std::string reduction, context.node.String("reduction", "mean"));
  if (reduction == "none") return losses;
  std::vector<int64_t> axes;
  for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  if (reduction == "sum") return builder.ReduceSum(losses, axes, false);
  if (reduction != "mean") {
    return absl::InvalidArgumentError(absl::StrCat("reduction '", reduction, "'"));
  }
  const std::string sum = builder.ReduceSum(losses, axes, false);
  if (!weights.empty()) return builder.Op("Div", {sum, builder.ReduceSum(weights, axes, false)});
  const auto count = static_cast<float>(context.infos[1]->shape.Elements());
  return builder.Op("Div", {sum, builder.Float(count)});
}

absl::Status WriteLoss(const NodeContext& context, PartsBuilder& builder,
                       const std::string& log_probabilities, const LossShapes& shapes) {
  HT_ASSIGN_OR_RETURN(const Labels labels, WriteLabels(context, builder));
  const std::string indices = builder.Unsqueeze(labels.values, 1);
  const std::string picked =
      builder.Op("GatherElements", {log_probabilities, indices}, {{"axis", int64_t{1}}});
  std::string losses = builder.Op("Neg", {builder.Squeeze(picked, 1)});
  if (!labels.weights.empty()) losses = builder.Mul(losses, labels.weights);
  HT_ASSIGN_OR_RETURN(const std::string result,
                      WriteReduction(context, builder, losses, labels.weights, shapes.rank - 1));
  builder.Result(0, result);
  return absl::OkStatus();
}

absl::StatusOr<Parts> RewriteNegativeLogLikelihood(const NodeContext& context, UniqueNames& names) {
  HT_ASSIGN_OR_RETURN(const LossShapes shapes, CheckSources(context));
  PartsBuilder builder(context, names);
  HT_RETURN_IF_ERROR(WriteLoss(context, builder, context.node.inputs[0], shapes));
  return builder.Take();
}

absl::StatusOr<Parts> RewriteSoftmaxCrossEntropy(const NodeContext& context, UniqueNames& names) {
  HT_ASSIGN_OR_RETURN(const LossShapes shapes, CheckSources(context));
  PartsBuilder builder(context, names);
  std::string log_probabilities = context.node.inputs[0];
  if (context.opset >= kOpsetOfOneAxis || shapes.rank == 2) {
    log_probabilities = builder.Op("LogSoftmax", {log_probabilities}, {{"axis", int64_t{1}}});
  } else {
    log_probabilities = builder.Transpose(log_probabilities, shapes.classes_last);
    log_probabilities =
        builder.Op("LogSoftmax", {log_probabilities}, {{"axis", int64_t{shapes.rank - 1}}});
    log_probabilities = builder.Transpose(log_probabilities, shapes.classes_second);
  }
  HT_RETURN_IF_ERROR(WriteLoss(context, builder, log_probabilities, shapes));
  builder.Result(1, log_probabilities);
  return builder.Take();
}

constexpr std::array kLossRewrites = {
    Rewrite{"", "NegativeLogLikelihoodLoss", RewriteNegativeLogLikelihood},
    Rewrite{"", "SoftmaxCrossEntropyLoss", RewriteSoftmaxCrossEntropy},
};

}  // namespace

absl::Span<const Rewrite> LossRewrites() { return kLossRewrites; }

}  // namespace halftone
