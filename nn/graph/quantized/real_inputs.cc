// What FloatReader knows of the sources of operators on integers.
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/graph/quantized/float_reader.h"

namespace halftone {

absl::StatusOr<Tensor> Dequantize(const Tensor& integers, const FileQuantizer& quantizer) {
  // Its integers as a list, and the floats.
  HT_RETURN_IF_ERROR(CheckMemory("a tensor of a quantized model in float",
                                 12 * static_cast<double>(integers.elements()),
                                 "the network itself needs a higher limit"));
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> values, integers.ToInts());
  const Shape& shape = integers.shape();
  const auto count = static_cast<int64_t>(quantizer.scales.size());
  int64_t inner = 1;
  if (count > 1) {
    HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(quantizer.axis, shape.rank()));
    if (shape.dim(axis) != count) {
      return absl::InvalidArgumentError(absl::StrCat(count, " scales for axis ", axis,
                                                     " of a tensor of shape ", shape.ToString()));
    }
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape.dim(i);
  }
  std::vector<float> reals;
  reals.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<size_t>(static_cast<int64_t>(i) / inner % count);
    reals.push_back(quantizer.scales[at] *
                    static_cast<float>(values[i] - quantizer.zero_points[at]));
  }
  return Tensor::Of(shape, std::move(reals));
}

absl::StatusOr<std::optional<FileQuantizer>> FloatReader::Quantizer(
    absl::string_view scale, absl::string_view zero_point, int axis,
    DataType type_without_zero) const {
  const Tensor* scales = Constant(scale);
  const Tensor* zeros = Constant(zero_point);
  const bool is_narrow_float = zeros != nullptr && IsFloat(zeros->type());
  if (scales == nullptr || is_narrow_float || (zeros == nullptr && !zero_point.empty())) {
    return std::optional<FileQuantizer>();
  }
  FileQuantizer quantizer;
  HT_ASSIGN_OR_RETURN(quantizer.scales, scales->ToFloats());
  for (const float value : quantizer.scales) {
    if (std::isfinite(value) && value != 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("a scale of ", value, " in '", scale, "'"));
  }
  if (quantizer.scales.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no scales in '", scale, "'"));
  }
  quantizer.type = zeros == nullptr ? type_without_zero : zeros->type();
  quantizer.zero_points.assign(quantizer.scales.size(), 0);
  if (zeros != nullptr) {
    HT_ASSIGN_OR_RETURN(const std::vector<int64_t> integers, zeros->ToInts());
    if (integers.size() != quantizer.scales.size() && integers.size() != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(integers.size(), " zero points for ", quantizer.scales.size(), " scales"));
    }
    for (size_t i = 0; i < quantizer.zero_points.size(); ++i) {
      quantizer.zero_points[i] = static_cast<int32_t>(integers[integers.size() == 1 ? 0 : i]);
    }
  }
  if (quantizer.scales.size() > 1) quantizer.axis = axis;
  return std::optional<FileQuantizer>(std::move(quantizer));
}

absl::StatusOr<std::optional<Real>> FloatReader::Input(const Node& node,
                                                       const QuantizedInput& input, int axis,
                                                       PartsBuilder& builder) {
  const std::string value(node.Input(input.value));
  const Tensor* constant = Constant(value);
  HT_ASSIGN_OR_RETURN(std::optional<FileQuantizer> quantizer,
                      Quantizer(node.Input(input.scale), node.Input(input.zero_point), axis,
                                constant == nullptr ? DataType::kUint8 : constant->type()));
  if (value.empty() || !quantizer.has_value()) return std::optional<Real>();
  if (constant != nullptr) {
    if (quantizer->axis < 0 && quantizer->scales.size() > 1) {
      quantizer->axis += constant->shape().rank();
    }
    HT_ASSIGN_OR_RETURN(Tensor real, Dequantize(*constant, *quantizer));
    const std::string name = builder.Constant(absl::StrCat(value, "_dequantized"), std::move(real));
    return std::optional<Real>({name, *std::move(quantizer)});
  }
  if (quantizer->scales.size() > 1) return std::optional<Real>();
  const Real* known = Find(value);
  if (known == nullptr) {
    std::vector<std::string> inputs = {value, std::string(node.Input(input.scale))};
    if (!node.Input(input.zero_point).empty()) inputs.emplace_back(node.Input(input.zero_point));
    const std::string real = builder.Op("DequantizeLinear", std::move(inputs));
    return std::optional<Real>({real, *std::move(quantizer)});
  }
  if (known->quantizer.scales.size() > 1) return std::optional<Real>();
  Real real = {known->value, *quantizer};
  real.quantizer.is_dynamic = known->quantizer.is_dynamic;
  if (IsSame(known->quantizer, *quantizer)) return std::optional<Real>(std::move(real));
  // The same integers stand for something else here.
  const double ratio =
      static_cast<double>(quantizer->scales[0]) / static_cast<double>(known->quantizer.scales[0]);
  const int64_t shift = int64_t{known->quantizer.zero_points[0]} - quantizer->zero_points[0];
  real.value = builder.Mul(real.value, builder.Float(static_cast<float>(ratio)));
  if (shift != 0) {
    const float moved = static_cast<float>(shift) * quantizer->scales[0];
    real.value = builder.Add(real.value, builder.Float(moved));
  }
  return std::optional<Real>(std::move(real));
}

}  // namespace halftone
