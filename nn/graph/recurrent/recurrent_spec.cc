#include "nn/graph/recurrent/recurrent_spec.h"

#include <array>
#include <cstddef>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

struct KindTraits {
  absl::string_view op;
  RecurrentSpec::Kind kind;
  int64_t gates;
  std::array<absl::string_view, 3> activations;  // by default
  size_t activation_count;
};

constexpr std::array<KindTraits, 3> kKinds = {
    {{"RNN", RecurrentSpec::Kind::kRnn, 1, {"Tanh", "", ""}, 1},
     {"GRU", RecurrentSpec::Kind::kGru, 3, {"Sigmoid", "Tanh", ""}, 2},
     {"LSTM", RecurrentSpec::Kind::kLstm, 4, {"Sigmoid", "Tanh", "Tanh"}, 3}}};

const KindTraits* FindTraits(const Node& node) {
  if (!node.domain.empty()) return nullptr;
  for (const KindTraits& traits : kKinds) {
    if (traits.op == node.op) return &traits;
  }
  return nullptr;
}

absl::Status CheckShape(const Shape& actual, const Shape& expected, absl::string_view what) {
  if (actual == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("its ", what, " of shape ", actual.ToString(),
                                                 " should be ", expected.ToString()));
}

// A constant input of floats.
absl::StatusOr<Tensor> ConstantInput(const NodeContext& context, size_t index,
                                     absl::string_view what) {
  HT_RETURN_IF_ERROR(context.Input(index).status());
  const Tensor* constant = context.Constant(index);
  if (constant == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("its ", what, " ('", context.node.Input(index), "') are not constant"));
  }
  if (constant->type() == DataType::kFloat32) return *constant;
  return absl::InvalidArgumentError(
      absl::StrCat("its ", what, " are of type ", DataTypeName(constant->type())));
}

absl::StatusOr<std::optional<Tensor>> OptionalConstant(const NodeContext& context, size_t index,
                                                       const Shape& expected,
                                                       absl::string_view what) {
  if (!context.HasInput(index)) return std::optional<Tensor>();
  HT_ASSIGN_OR_RETURN(Tensor tensor, ConstantInput(context, index, what));
  HT_RETURN_IF_ERROR(CheckShape(tensor.shape(), expected, what));
  return std::optional<Tensor>(std::move(tensor));
}

absl::Status ReadDirections(const NodeContext& context, const KindTraits& traits,
                            RecurrentSpec& spec) {
  HT_ASSIGN_OR_RETURN(const std::string direction, context.node.String("direction", "forward"));
  if (direction == "bidirectional") {
    spec.directions = {{"forward", false, {}}, {"reverse", true, {}}};
  } else if (direction == "forward" || direction == "reverse") {
    spec.directions = {{"", direction == "reverse", {}}};
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown direction '", direction, "'"));
  }
  const std::vector<absl::string_view> defaults(
      traits.activations.begin(),
      traits.activations.begin() + static_cast<std::ptrdiff_t>(traits.activation_count));
  HT_ASSIGN_OR_RETURN(const std::vector<CellActivation> activations,
                      ReadActivations(context.node, defaults, spec.directions.size()));
  auto next = activations.begin();
  for (RecurrentSpec::Direction& each : spec.directions) {
    const auto end = next + static_cast<std::ptrdiff_t>(defaults.size());
    each.activations.assign(next, end);
    next = end;
  }
  return absl::OkStatus();
}

absl::Status ReadAttributes(const NodeContext& context, RecurrentSpec& spec) {
  const Node& node = context.node;
  HT_ASSIGN_OR_RETURN(spec.time_axis, node.Int("layout", 0));
  if (spec.time_axis != 0 && spec.time_axis != 1) {
    return absl::InvalidArgumentError(absl::StrCat("a layout of ", spec.time_axis));
  }
  if (node.Has("clip")) {
    HT_ASSIGN_OR_RETURN(spec.clip, node.Float("clip", 0));
    if (!(*spec.clip > 0)) return absl::InvalidArgumentError("a clip that is not above 0");
  }
  HT_ASSIGN_OR_RETURN(const int64_t before_reset, node.Int("linear_before_reset", 0));
  HT_ASSIGN_OR_RETURN(const int64_t input_forget, node.Int("input_forget", 0));
  spec.linear_before_reset = before_reset != 0;
  spec.input_forget = input_forget != 0;
  return absl::OkStatus();
}

absl::Status ReadSizes(const NodeContext& context, RecurrentSpec& spec) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(RecurrentSpec::kSrc));
  if (src.shape.rank() != 3 || src.type != DataType::kFloat32) {
    return absl::InvalidArgumentError(absl::StrCat("its source of ", DataTypeName(src.type), " ",
                                                   src.shape.ToString(),
                                                   " has no three axes of floats"));
  }
  spec.steps = src.shape.dim(static_cast<int>(spec.time_axis));
  spec.batch = src.shape.dim(static_cast<int>(1 - spec.time_axis));
  spec.inputs = src.shape.dim(2);
  HT_ASSIGN_OR_RETURN(spec.recurrence,
                      ConstantInput(context, RecurrentSpec::kRecurrence, "recurrence weights"));
  const Shape& shape = spec.recurrence.shape();
  spec.hidden = shape.rank() == 3 ? shape.dim(2) : 0;
  HT_ASSIGN_OR_RETURN(const int64_t hidden, context.node.Int("hidden_size", spec.hidden));
  if (hidden != spec.hidden || hidden < 1) {
    return absl::InvalidArgumentError(absl::StrCat("recurrence weights of shape ", shape.ToString(),
                                                   " for a hidden_size of ", hidden));
  }
  return absl::OkStatus();
}

absl::Status ReadWeights(const NodeContext& context, RecurrentSpec& spec) {
  const auto directions = static_cast<int64_t>(spec.directions.size());
  const int64_t rows = spec.gates * spec.hidden;
  HT_RETURN_IF_ERROR(
      CheckShape(spec.recurrence.shape(), {directions, rows, spec.hidden}, "recurrence weights"));
  HT_ASSIGN_OR_RETURN(spec.weights, ConstantInput(context, RecurrentSpec::kWeights, "weights"));
  HT_RETURN_IF_ERROR(CheckShape(spec.weights.shape(), {directions, rows, spec.inputs}, "weights"));
  HT_ASSIGN_OR_RETURN(
      spec.bias, OptionalConstant(context, RecurrentSpec::kBias, {directions, 2 * rows}, "biases"));
  if (spec.kind != RecurrentSpec::Kind::kLstm) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(spec.peepholes, OptionalConstant(context, RecurrentSpec::kPeepholes,
                                                       {directions, 3 * spec.hidden}, "peepholes"));
  return absl::OkStatus();
}

absl::Status CheckStates(const NodeContext& context, const RecurrentSpec& spec) {
  for (const size_t index : {RecurrentSpec::kInitialH, RecurrentSpec::kInitialC}) {
    if (!context.HasInput(index)) continue;
    HT_RETURN_IF_ERROR(CheckShape(context.infos[index]->shape, spec.StateShape(), "initial state"));
    if (context.infos[index]->type != DataType::kFloat32) {
      return absl::InvalidArgumentError("its initial state is not of float32");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadLengths(const NodeContext& context, RecurrentSpec& spec) {
  HT_ASSIGN_OR_RETURN(auto lengths, context.ConstantInts(RecurrentSpec::kLengths, "sequence_lens"));
  spec.longest = spec.shortest = spec.steps;
  if (lengths.has_value()) {
    HT_RETURN_IF_ERROR(
        CheckShape(context.infos[RecurrentSpec::kLengths]->shape, {spec.batch}, "sequence_lens"));
    spec.lengths = *std::move(lengths);
  }
  for (const int64_t length : spec.lengths) {
    if (length >= 0 && length <= spec.steps) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a sequence of ", length, " of ", spec.steps, " steps"));
  }
  if (!spec.lengths.empty()) {
    spec.longest = *absl::c_max_element(spec.lengths);
    spec.shortest = *absl::c_min_element(spec.lengths);
  }
  if (spec.longest > 0 && spec.batch > 0) return absl::OkStatus();
  return absl::UnimplementedError("no sample has a step");
}

}  // namespace

Shape RecurrentSpec::StateShape() const {
  const auto count = static_cast<int64_t>(directions.size());
  return time_axis == 0 ? Shape{count, batch, hidden} : Shape{batch, count, hidden};
}

bool IsRecurrent(const Node& node) { return FindTraits(node) != nullptr; }

absl::StatusOr<RecurrentSpec> ReadRecurrent(const NodeContext& context) {
  const KindTraits* traits = FindTraits(context.node);
  if (traits == nullptr) return absl::InvalidArgumentError("it is not recurrent");
  RecurrentSpec spec;
  spec.kind = traits->kind;
  spec.gates = traits->gates;
  HT_RETURN_IF_ERROR(ReadDirections(context, *traits, spec));
  HT_RETURN_IF_ERROR(ReadAttributes(context, spec));
  HT_RETURN_IF_ERROR(ReadSizes(context, spec));
  HT_RETURN_IF_ERROR(ReadWeights(context, spec));
  HT_RETURN_IF_ERROR(CheckStates(context, spec));
  HT_RETURN_IF_ERROR(ReadLengths(context, spec));
  return spec;
}

}  // namespace halftone
