#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/narrow_float.h"
#include "nn/graph/operators/operator.h"

namespace halftone {

absl::StatusOr<DataType> TypeOfNumber(int64_t number) {
  if (const std::optional<DataType> type = TypeOfOnnxNumber(number); type.has_value()) return *type;
  return absl::UnimplementedError(absl::StrCat("elements of ONNX's type ", number));
}

namespace {

// The axes [start, end) of src whose sizes a Shape node gives.
struct AxisRange {
  int64_t begin, end;
};

absl::StatusOr<AxisRange> ShapeRange(const NodeContext& context, int64_t rank) {
  HT_ASSIGN_OR_RETURN(int64_t begin, context.node.Int("start", 0));
  HT_ASSIGN_OR_RETURN(int64_t end, context.node.Int("end", rank));
  const auto resolve = [rank](int64_t axis) {
    if (axis < 0) axis = axis < -rank ? 0 : axis + rank;
    return std::min(axis, rank);
  };
  return AxisRange{resolve(begin), std::max(resolve(begin), resolve(end))};
}

absl::StatusOr<ValueInfos> InferShape(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(AxisRange range, ShapeRange(context, src.shape.rank()));
  return ValueInfos{{DataType::kInt64, Shape{range.end - range.begin}}};
}

absl::StatusOr<Tensors> EvaluateShape(const NodeContext& context, absl::Span<const ValueInfo>) {
  const Shape& src = context.infos[0]->shape;
  HT_ASSIGN_OR_RETURN(AxisRange range, ShapeRange(context, src.rank()));
  std::vector<int64_t> sizes(src.dims().begin() + range.begin, src.dims().begin() + range.end);
  const auto count = static_cast<int64_t>(sizes.size());
  return Tensors{Tensor::Of(Shape{count}, std::move(sizes))};
}

absl::StatusOr<ValueInfos> InferSize(const NodeContext& context) {
  HT_RETURN_IF_ERROR(context.Input(0).status());
  return ValueInfos{{DataType::kInt64, Shape{}}};
}

absl::StatusOr<Tensors> EvaluateSize(const NodeContext& context, absl::Span<const ValueInfo>) {
  return Tensors{Tensor::Scalar(context.infos[0]->shape.Elements())};
}

// The one element that a ConstantOfShape repeats; float zero unless an attribute says otherwise.
absl::StatusOr<Tensor> FillValue(const NodeContext& context) {
  const auto found = context.node.attributes.find("value");
  if (found == context.node.attributes.end()) return Tensor::Scalar(0.0f);
  const Tensor* value = std::get_if<Tensor>(&found->second);
  if (value == nullptr || value->elements() != 1) {
    return absl::InvalidArgumentError("attribute 'value' must be a tensor of one element");
  }
  return *value;
}

absl::StatusOr<ValueInfos> InferConstantOfShape(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> dims, context.RequiredInts(0, "shape"));
  HT_ASSIGN_OR_RETURN(Tensor value, FillValue(context));
  return ValueInfos{{value.type(), Shape(dims)}};
}

absl::StatusOr<Tensors> EvaluateConstantOfShape(const NodeContext& context,
                                                absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(Tensor value, FillValue(context));
  const size_t size = SizeOf(value.type());
  std::vector<std::byte> bytes(static_cast<size_t>(infos[0].shape.Elements()) * size);
  for (size_t at = 0; at < bytes.size(); at += size) {
    std::copy_n(value.bytes().data(), size, bytes.data() + at);
  }
  return Tensors{Tensor::FromBytes(value.type(), infos[0].shape, std::move(bytes))};
}

// Start, limit and step of a Range; integers below 2^32, which a double holds exactly.
absl::StatusOr<std::array<double, 3>> RangeBounds(const NodeContext& context) {
  std::array<double, 3> bounds = {};
  for (size_t i = 0; i < bounds.size(); ++i) {
    HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(i));
    const Tensor* bound = context.Constant(i);
    if (bound == nullptr) return absl::UnimplementedError("its bounds are not constant");
    if (bound->elements() != 1 || info.type != context.infos[0]->type) {
      return absl::InvalidArgumentError("its bounds are not numbers of one type");
    }
    if (IsFloat(info.type)) {
      HT_ASSIGN_OR_RETURN(std::vector<double> value, bound->ToDoubles());
      bounds[i] = value[0];
    } else {
      HT_ASSIGN_OR_RETURN(std::vector<int64_t> value, bound->ToInts());
      bounds[i] = static_cast<double>(value[0]);
    }
    if (!(std::abs(bounds[i]) <= static_cast<double>(Shape::kMaxElements))) {
      return absl::InvalidArgumentError("its bounds are too large");
    }
  }
  if (bounds[2] == 0) return absl::InvalidArgumentError("a step of 0");
  return bounds;
}

absl::StatusOr<ValueInfos> InferRange(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(auto bounds, RangeBounds(context));
  const double count = std::max(std::ceil((bounds[1] - bounds[0]) / bounds[2]), 0.0);
  if (!(count <= static_cast<double>(Shape::kMaxElements))) {
    return absl::InvalidArgumentError("it has too many elements");
  }
  return ValueInfos{{context.infos[0]->type, Shape{static_cast<int64_t>(count)}}};
}

absl::StatusOr<Tensors> EvaluateRange(const NodeContext& context,
                                      absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(auto bounds, RangeBounds(context));
  std::vector<double> values(static_cast<size_t>(infos[0].shape.Elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = bounds[0] + static_cast<double>(i) * bounds[2];
  }
  if (IsFloat(infos[0].type)) {
    return Tensors{Tensor::FromDoubles(infos[0].type, infos[0].shape, values)};
  }
  const std::vector<int64_t> ints(values.begin(), values.end());
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, ints)};
}

absl::StatusOr<ValueInfos> InferCast(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t to, context.node.Int("to", 0));
  HT_ASSIGN_OR_RETURN(DataType type, TypeOfNumber(to));
  return ValueInfos{{type, src.shape}};
}

absl::StatusOr<ValueInfos> InferCastLike(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(ValueInfo like, context.Input(1));
  return ValueInfos{{like.type, src.shape}};
}

absl::StatusOr<ValueInfos> InferEyeLike(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo dst, context.Input(0));
  if (dst.shape.rank() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("source of shape ", dst.shape.ToString(), " is no matrix"));
  }
  if (context.node.Has("dtype")) {
    HT_ASSIGN_OR_RETURN(int64_t number, context.node.Int("dtype", 0));
    HT_ASSIGN_OR_RETURN(dst.type, TypeOfNumber(number));
  }
  return ValueInfos{dst};
}

absl::StatusOr<Tensors> EvaluateEyeLike(const NodeContext& context,
                                        absl::Span<const ValueInfo> infos) {
  const Shape& shape = infos[0].shape;
  HT_ASSIGN_OR_RETURN(int64_t diagonal, context.node.Int("k", 0));
  std::vector<int64_t> ones(static_cast<size_t>(shape.Elements()), 0);
  for (int64_t row = 0; row < shape.dim(0); ++row) {
    if (diagonal < -row || diagonal >= shape.dim(1) - row) continue;
    ones[static_cast<size_t>(row * shape.dim(1) + row + diagonal)] = 1;
  }
  if (!IsFloat(infos[0].type)) {
    return Tensors{Tensor::FromInts(infos[0].type, shape, ones)};
  }
  const std::vector<double> floats(ones.begin(), ones.end());
  return Tensors{Tensor::FromDoubles(infos[0].type, shape, floats)};
}

// Truncates; what no 64-bit integer can hold becomes the nearest one that does, NaN becomes 0.
int64_t ToInteger(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1.0p63) return INT64_MAX;
  if (value < -0x1.0p63) return INT64_MIN;
  return static_cast<int64_t>(value);
}

// What does not fit integers of 4 bits saturates, as it does in ONNX's own tests; other integers
// keep their last bits.
absl::StatusOr<Tensors> CastToIntegers(const std::vector<double>& values, const ValueInfo& info) {
  const IntegerLimits limits = LimitsOf(info.type).value_or(IntegerLimits());
  std::vector<int64_t> integers(values.size());
  std::transform(values.begin(), values.end(), integers.begin(), [&](double value) {
    if (info.type == DataType::kBool) return int64_t{value != 0};
    const int64_t integer = ToInteger(value);
    return IsFourBits(info.type) ? std::clamp<int64_t>(integer, limits.least, limits.most)
                                 : integer;
  });
  return Tensors{Tensor::FromInts(info.type, info.shape, integers)};
}

absl::StatusOr<Tensors> CastToFloats(const NodeContext& context, std::vector<double> values,
                                     const ValueInfo& info) {
  HT_ASSIGN_OR_RETURN(const int64_t saturate, context.node.Int("saturate", 1));
  if (const auto format = NarrowFloatOf(info.type); format.has_value()) {
    for (double& value : values) value = format->Round(value, saturate != 0);
  }
  return Tensors{Tensor::FromDoubles(info.type, info.shape, values)};
}

absl::StatusOr<Tensors> EvaluateCast(const NodeContext& context,
                                     absl::Span<const ValueInfo> infos) {
  const Tensor& src = *context.constants[0];
  const ValueInfo& info = infos[0];
  if (src.type() == info.type) return Tensors{src};
  if (IsFloat(src.type())) {
    HT_ASSIGN_OR_RETURN(std::vector<double> values, src.ToDoubles());
    if (IsFloat(info.type)) return CastToFloats(context, std::move(values), info);
    return CastToIntegers(values, info);
  }
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values, src.ToInts());
  if (!IsFloat(info.type)) return Tensors{Tensor::FromInts(info.type, info.shape, values)};
  return CastToFloats(context, std::vector<double>(values.begin(), values.end()), info);
}

constexpr std::array kConstantOperators = {
    Operator{"Shape", InferShape, EvaluateShape, Runs::kNever},
    Operator{"Size", InferSize, EvaluateSize, Runs::kNever},
    Operator{"ConstantOfShape", InferConstantOfShape, EvaluateConstantOfShape, Runs::kNever},
    Operator{"Range", InferRange, EvaluateRange, Runs::kNever},
    Operator{"EyeLike", InferEyeLike, EvaluateEyeLike, Runs::kNever},
    Operator{"Cast", InferCast, EvaluateCast, Runs::kAnything},
    Operator{"CastLike", InferCastLike, EvaluateCast, Runs::kAnything},
};

}  // namespace

absl::Span<const Operator> ConstantOperators() { return kConstantOperators; }

}  // namespace halftone
