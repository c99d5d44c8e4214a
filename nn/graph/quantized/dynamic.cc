#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/quantized/float_reader.h"
#include "nn/graph/rewrites/rewrite.h"

// ONNX Runtime's larger operators with weights of integers, whose activations are float outside.
namespace halftone {
namespace {

// [directions, rows, columns] with the last two axes swapped.
Tensor SwapLast(const Tensor& matrices) {
  const Shape& shape = matrices.shape();
  const int64_t directions = shape.dim(0), rows = shape.dim(1), columns = shape.dim(2);
  const absl::Span<const float> values = matrices.data<float>();
  std::vector<float> swapped(values.size());
  for (int64_t d = 0; d < directions; ++d) {
    const int64_t begin = d * rows * columns;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        swapped[static_cast<size_t>(begin + c * rows + r)] =
            values[static_cast<size_t>(begin + r * columns + c)];
      }
    }
  }
  return Tensor::Of<float>(Shape{directions, columns, rows}, std::move(swapped));
}

// The matrices of each direction, with a scale for each, or for each of its columns.
absl::StatusOr<std::optional<std::string>> Matrices(FloatReader& reader, const Node& node,
                                                    const QuantizedInput& input,
                                                    PartsBuilder& builder) {
  const Tensor* weights = reader.Constant(node.Input(input.value));
  HT_ASSIGN_OR_RETURN(
      const auto quantizer,
      reader.Quantizer(node.Input(input.scale), node.Input(input.zero_point), 0, DataType::kUint8));
  if (weights == nullptr || !quantizer.has_value()) return std::optional<std::string>();
  const Shape& shape = weights->shape();
  if (shape.rank() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("weights of shape ", shape.ToString(), ", which must have three axes"));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> integers, weights->ToInts());
  const auto scales = static_cast<int64_t>(quantizer->scales.size());
  const int64_t directions = shape.dim(0), columns = shape.dim(2);
  const bool per_column = scales == directions * columns;
  if (!per_column && scales != directions && scales != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(scales, " scales for weights of shape ", shape.ToString()));
  }
  std::vector<float> reals(integers.size());
  for (size_t i = 0; i < integers.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const int64_t direction = at / (shape.dim(1) * columns);
    const auto index = static_cast<size_t>(per_column    ? direction * columns + at % columns
                                           : scales == 1 ? 0
                                                         : direction);
    reals[i] =
        quantizer->scales[index] * static_cast<float>(integers[i] - quantizer->zero_points[index]);
  }
  const Tensor real = SwapLast(Tensor::Of<float>(shape, std::move(reals)));
  return std::optional<std::string>(
      builder.Constant(absl::StrCat(node.Input(input.value), "_dequantized"), real));
}

// X, W, R, B, lengths, initial states, peepholes; then scales and zero points of W and R, which
// have their gates along the last axis.
absl::StatusOr<bool> ReadLstm(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto input, Matrices(reader, node, {1, 8, 9}, builder));
  HT_ASSIGN_OR_RETURN(const auto recurrent, Matrices(reader, node, {2, 10, 11}, builder));
  if (!input.has_value() || !recurrent.has_value()) return false;
  Node lstm = node;
  lstm.op = "LSTM";
  lstm.domain = "";
  lstm.inputs.resize(8);
  lstm.inputs[1] = *input;
  lstm.inputs[2] = *recurrent;
  while (lstm.inputs.back().empty()) lstm.inputs.pop_back();
  builder.parts().nodes.push_back(std::move(lstm));
  return true;
}

// Source, weights, bias, their scales, mask, their zero points, past.
absl::StatusOr<bool> ReadAttention(FloatReader& reader, const Node& node, PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const auto src, reader.Input(node, {0, 3, 6}, -1, builder));
  HT_ASSIGN_OR_RETURN(const auto weights, reader.Input(node, {1, 4, 7}, -1, builder));
  if (!src.has_value() || !weights.has_value() || !node.Input(8).empty()) return false;
  Node attention = node;
  attention.op = "Attention";
  attention.inputs = {src->value, weights->value, std::string(node.Input(2)),
                      std::string(node.Input(5))};
  while (attention.inputs.back().empty()) attention.inputs.pop_back();
  builder.parts().nodes.push_back(std::move(attention));
  return true;
}

constexpr std::array kDynamicOperators = {
    QuantizedOperator{kMicrosoft, "DynamicQuantizeLSTM", ReadLstm},
    QuantizedOperator{kMicrosoft, "QAttention", ReadAttention},
};

}  // namespace

absl::Span<const QuantizedOperator> DynamicOperators() { return kDynamicOperators; }

}  // namespace halftone
