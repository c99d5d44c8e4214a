// What FloatReader makes of operators of floats and integers alike, where they read integers.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "nn/graph/quantized/float_reader.h"

namespace halftone {
namespace {

// Those whose results are the elements of their first source, in whatever places: integers and what
// they stand for alike.
constexpr std::array<absl::string_view, 16> kMoveElements = {
    "Identity", "Reshape", "Flatten",   "Squeeze",       "Unsqueeze", "Transpose",
    "Expand",   "Slice",   "Gather",    "Split",         "Tile",      "MaxPool",
    "Dropout",  "Resize",  "ReduceMax", "GatherElements"};

// Those that tell of elements by comparing them.
constexpr std::array<absl::string_view, 4> kCompare = {"ArgMax", "ArgMin", "Shape", "Size"};

constexpr std::array<absl::string_view, 6> kArithmetic = {"Add", "Sub", "Mul", "Div", "Max", "Min"};

Tensor Scalars(std::vector<float> values) {
  if (values.size() == 1) return Tensor::Scalar(values[0]);
  const Shape shape{static_cast<int64_t>(values.size())};
  return Tensor::Of<float>(shape, std::move(values));
}

bool IsOne(const FileQuantizer& quantizer) {
  return absl::c_all_of(quantizer.scales, [](float scale) { return scale == 1; }) &&
         absl::c_all_of(quantizer.zero_points, [](int32_t zero) { return zero == 0; });
}

}  // namespace

bool MovesElements(const Node& node) { return absl::c_linear_search(kMoveElements, node.op); }

std::string FloatReader::Integers(const std::string& value, PartsBuilder& builder) {
  const auto found = reals_.find(value);
  if (found == reals_.end()) return value;
  const Real& real = found->second;
  if (IsOne(real.quantizer)) return real.value;
  std::string& integers = integers_[value];
  if (!integers.empty()) return integers;
  std::vector<float> steps, zeros;
  for (size_t i = 0; i < real.quantizer.scales.size(); ++i) {
    steps.push_back(real.quantizer.scales[i]);
    zeros.push_back(static_cast<float>(real.quantizer.zero_points[i]));
  }
  integers = builder.Op("Div", {real.value, builder.Constant("scale", Scalars(std::move(steps)))});
  if (absl::c_any_of(zeros, [](float zero) { return zero != 0; })) {
    integers = builder.Add(integers, builder.Constant("zero", Scalars(std::move(zeros))));
  }
  return integers;
}

// Of a Cast from integers: whether to wider ones.
bool FloatReader::IsStillInteger(const Node& node) {
  constexpr int64_t kInt32 = 6, kInt64 = 7;  // of ONNX's types
  const int64_t type = node.Int("to", 0).value_or(0);
  if (type != kInt32 && type != kInt64) return false;
  PassOn(node.outputs[0], *Find(node.inputs[0]));
  return true;
}

// Of integers, unrounded, in floats: with others in floats too.
bool FloatReader::Compute(const Node& node, PartsBuilder& builder) {
  const auto is_real = [&](const std::string& input) { return Find(input) != nullptr; };
  if (absl::c_none_of(node.inputs, is_real)) return false;
  Node computed = node;
  for (std::string& input : computed.inputs) {
    input = is_real(input) ? Integers(input, builder) : builder.Cast(input, DataType::kFloat32);
  }
  computed.outputs[0] = names_.Make(node.outputs[0] + "_real");
  FileQuantizer whole;
  whole.type = DataType::kInt32;
  whole.scales = {1};
  whole.zero_points = {0};
  PassOn(node.outputs[0], {computed.outputs[0], std::move(whole)});
  builder.parts().nodes.push_back(std::move(computed));
  return true;
}

// Rows of a table of integers that only a DequantizeLinear reads: of a table of floats.
bool FloatReader::ReadTable(const Node& node, PartsBuilder& builder) {
  const Tensor* table = Constant(node.inputs[0]);
  if (node.op != "Gather" || table == nullptr || SizeOf(table->type()) != 1) return false;
  const std::vector<int>& readers = index_.Consumers(node.outputs[0]);
  if (readers.size() != 1 || index_.IsGraphOutput(node.outputs[0])) return false;
  const Node& reader = source_.nodes[static_cast<size_t>(readers[0])];
  if (reader.op != "DequantizeLinear" || reader.Input(0) != node.outputs[0]) return false;
  const auto quantizer = Quantizer(reader.Input(1), reader.Input(2), -1, table->type());
  if (!quantizer.ok() || !quantizer->has_value() || (*quantizer)->scales.size() != 1) return false;
  absl::StatusOr<Tensor> real = Dequantize(*table, **quantizer);
  if (!real.ok()) return false;
  Node moved = node;
  moved.inputs[0] = builder.Constant(node.inputs[0] + "_dequantized", *std::move(real));
  moved.outputs[0] = names_.Make(node.outputs[0] + "_real");
  FileQuantizers quantizers;
  quantizers.weights = **quantizer;
  moved.file_quantizers = std::make_shared<const FileQuantizers>(std::move(quantizers));
  PassOn(node.outputs[0], {moved.outputs[0], **quantizer});
  builder.parts().nodes.push_back(std::move(moved));
  return true;
}

// Of quantized sources; false where it does anything else.
bool FloatReader::ReadOnIntegers(const Node& node, PartsBuilder& builder) {
  if (!node.domain.empty() || node.inputs.empty() || node.outputs.empty()) return false;
  if (absl::c_linear_search(kArithmetic, node.op)) return Compute(node, builder);
  const Real* first = Find(node.inputs[0]);
  if (first == nullptr) return ReadTable(node, builder);
  if (node.op == "Cast") return IsStillInteger(node);
  const bool joins = node.op == "Concat";
  const bool compares = absl::c_linear_search(kCompare, node.op);
  if (!joins && !compares && !halftone::MovesElements(node)) return false;
  if (first->quantizer.scales.size() > 1 && node.op != "Identity") return false;
  Node moved = node;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Real* real = Find(node.inputs[i]);
    if (i > 0 && !joins) {
      if (real != nullptr) return false;
      continue;
    }
    if (real == nullptr || !IsSame(real->quantizer, first->quantizer)) return false;
    moved.inputs[i] = real->value;
  }
  const FileQuantizer quantizer = first->quantizer;
  for (size_t i = 0; i < node.outputs.size() && !compares; ++i) {
    const bool is_mask = i > 0 && node.op != "Split";
    if (node.outputs[i].empty() || is_mask) continue;
    moved.outputs[i] = names_.Make(node.outputs[i] + "_real");
    PassOn(node.outputs[i], {moved.outputs[i], quantizer});
  }
  builder.parts().nodes.push_back(std::move(moved));
  return true;
}

}  // namespace halftone
