#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

using Infos = std::vector<ValueInfo>;
using Tensors = std::vector<Tensor>;

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

absl::StatusOr<Infos> InferShape(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(AxisRange range, ShapeRange(context, src.shape.rank()));
  return Infos{{DataType::kInt64, Shape{range.end - range.begin}}};
}

absl::StatusOr<Tensors> EvaluateShape(const NodeContext& context, absl::Span<const ValueInfo>) {
  const Shape& src = context.infos[0]->shape;
  HT_ASSIGN_OR_RETURN(AxisRange range, ShapeRange(context, src.rank()));
  std::vector<int64_t> sizes(src.dims().begin() + range.begin, src.dims().begin() + range.end);
  const auto count = static_cast<int64_t>(sizes.size());
  return Tensors{Tensor::Of(Shape{count}, std::move(sizes))};
}

absl::StatusOr<Infos> InferSize(const NodeContext& context) {
  HT_RETURN_IF_ERROR(context.Input(0).status());
  return Infos{{DataType::kInt64, Shape{}}};
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

absl::StatusOr<Infos> InferConstantOfShape(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> dims, context.RequiredInts(0, "shape"));
  HT_ASSIGN_OR_RETURN(Tensor value, FillValue(context));
  return Infos{{value.type(), Shape(dims)}};
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

// Start, limit and step of a Range over integers.
absl::StatusOr<std::array<int64_t, 3>> RangeBounds(const NodeContext& context) {
  std::array<int64_t, 3> bounds = {};
  for (size_t i = 0; i < bounds.size(); ++i) {
    HT_RETURN_IF_ERROR(context.Input(i).status());
    if (IsFloat(context.infos[i]->type)) return absl::UnimplementedError("ranges of floats");
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> value, context.RequiredInts(i, "bound"));
    if (value.size() != 1 || value[0] > Shape::kMaxElements || value[0] < -Shape::kMaxElements) {
      return absl::InvalidArgumentError("its bounds are not numbers, or too large");
    }
    bounds[i] = value[0];
  }
  if (bounds[2] == 0) return absl::InvalidArgumentError("a step of 0");
  return bounds;
}

absl::StatusOr<Infos> InferRange(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(auto bounds, RangeBounds(context));
  const int64_t length = bounds[1] - bounds[0], step = bounds[2];
  const int64_t count = (length + step + (step > 0 ? -1 : 1)) / step;
  return Infos{{context.infos[0]->type, Shape{std::max<int64_t>(count, 0)}}};
}

absl::StatusOr<Tensors> EvaluateRange(const NodeContext& context,
                                      absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(auto bounds, RangeBounds(context));
  std::vector<int64_t> values(static_cast<size_t>(infos[0].shape.Elements()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = bounds[0] + static_cast<int64_t>(i) * bounds[2];
  }
  return Tensors{Tensor::FromInts(infos[0].type, infos[0].shape, values)};
}

// ONNX's numbers of the element types, as the `to` of a Cast has them.
absl::StatusOr<DataType> TypeOfCast(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(int64_t to, context.node.Int("to", 0));
  switch (to) {
    case 1:
      return DataType::kFloat32;
    case 2:
      return DataType::kUint8;
    case 3:
      return DataType::kInt8;
    case 4:
      return DataType::kUint16;
    case 5:
      return DataType::kInt16;
    case 6:
      return DataType::kInt32;
    case 7:
      return DataType::kInt64;
    case 9:
      return DataType::kBool;
    case 10:
      return DataType::kFloat16;
    case 11:
      return DataType::kFloat64;
    case 12:
      return DataType::kUint32;
    case 13:
      return DataType::kUint64;
    case 16:
      return DataType::kBFloat16;
    default:
      return absl::UnimplementedError(absl::StrCat("a cast to ONNX's type ", to));
  }
}

absl::StatusOr<Infos> InferCast(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(DataType type, TypeOfCast(context));
  return Infos{{type, src.shape}};
}

// Truncates; what no 64-bit integer can hold becomes the nearest one that does, NaN becomes 0.
int64_t ToInteger(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1.0p63) return INT64_MAX;
  if (value < -0x1.0p63) return INT64_MIN;
  return static_cast<int64_t>(value);
}

absl::StatusOr<Tensors> EvaluateCast(const NodeContext& context,
                                     absl::Span<const ValueInfo> infos) {
  const Tensor& src = *context.constants[0];
  const ValueInfo& info = infos[0];
  if (src.type() == info.type) return Tensors{src};
  if (IsFloat(src.type())) {
    HT_ASSIGN_OR_RETURN(std::vector<double> values, src.ToDoubles());
    if (IsFloat(info.type)) return Tensors{Tensor::FromDoubles(info.type, info.shape, values)};
    std::vector<int64_t> ints(values.size());
    const bool to_bool = info.type == DataType::kBool;
    std::transform(values.begin(), values.end(), ints.begin(), [to_bool](double value) {
      return to_bool ? int64_t{value != 0} : ToInteger(value);
    });
    return Tensors{Tensor::FromInts(info.type, info.shape, ints)};
  }
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values, src.ToInts());
  if (!IsFloat(info.type)) return Tensors{Tensor::FromInts(info.type, info.shape, values)};
  const std::vector<double> floats(values.begin(), values.end());
  return Tensors{Tensor::FromDoubles(info.type, info.shape, floats)};
}

constexpr std::array kOperators = {
    Operator{"Shape", InferShape, EvaluateShape, false},
    Operator{"Size", InferSize, EvaluateSize, false},
    Operator{"ConstantOfShape", InferConstantOfShape, EvaluateConstantOfShape, false},
    Operator{"Range", InferRange, EvaluateRange, false},
    Operator{"Cast", InferCast, EvaluateCast},
};

}  // namespace

absl::Span<const Operator> ConstantOperators() { return kOperators; }

}  // namespace halftone
