#ifndef HALFTONE_NN_GRAPH_DATA_TYPE_H_
#define HALFTONE_NN_GRAPH_DATA_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace halftone {

// The element types of ONNX tensors that Halftone reads. Networks are computed in kFloat32.
// Elements of 4 bits, which ONNX packs two a byte, are held one a byte: whatever goes over elements
// needs to know of no halves of bytes.
enum class DataType : uint8_t {
  kFloat32,
  kFloat64,
  kFloat16,
  kBFloat16,
  kInt8,
  kUint8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kUint64,
  kBool,
  // What they can hold is in nn/graph/narrow_float.h.
  kFloat8E4M3Fn,
  kFloat8E4M3Fnuz,
  kFloat8E5M2,
  kFloat8E5M2Fnuz,
  kFloat4E2M1,
  kInt4,
  kUint4,
};

// Bytes of one element in memory.
constexpr size_t SizeOf(DataType type) {
  switch (type) {
    case DataType::kInt8:
    case DataType::kUint8:
    case DataType::kBool:
    case DataType::kFloat8E4M3Fn:
    case DataType::kFloat8E4M3Fnuz:
    case DataType::kFloat8E5M2:
    case DataType::kFloat8E5M2Fnuz:
    case DataType::kFloat4E2M1:
    case DataType::kInt4:
    case DataType::kUint4:
      return 1;
    case DataType::kFloat16:
    case DataType::kBFloat16:
    case DataType::kInt16:
    case DataType::kUint16:
      return 2;
    case DataType::kFloat32:
    case DataType::kInt32:
    case DataType::kUint32:
      return 4;
    case DataType::kFloat64:
    case DataType::kInt64:
    case DataType::kUint64:
      return 8;
  }
  return 0;
}

// Floats of 8 bits and fewer. Values are stored in them, but no operator computes in them.
constexpr bool IsNarrowFloat(DataType type) {
  return type == DataType::kFloat8E4M3Fn || type == DataType::kFloat8E4M3Fnuz ||
         type == DataType::kFloat8E5M2 || type == DataType::kFloat8E5M2Fnuz ||
         type == DataType::kFloat4E2M1;
}

// Whether elements are floating-point numbers; the other types are integers or bool.
constexpr bool IsFloat(DataType type) {
  return type == DataType::kFloat32 || type == DataType::kFloat64 || type == DataType::kFloat16 ||
         type == DataType::kBFloat16 || IsNarrowFloat(type);
}

// Whether elements have 4 bits.
constexpr bool IsFourBits(DataType type) {
  return type == DataType::kInt4 || type == DataType::kUint4 || type == DataType::kFloat4E2M1;
}

// Bytes that ONNX stores so many elements in.
constexpr int64_t StoredBytes(DataType type, int64_t elements) {
  if (IsFourBits(type)) return elements / 2 + elements % 2;
  return elements * static_cast<int64_t>(SizeOf(type));
}

// The least and the largest integer of 4, 8 and 16 bits, as quantized values have; nothing for
// others.
struct IntegerLimits {
  int32_t least = 0, most = 0;
};
constexpr std::optional<IntegerLimits> LimitsOf(DataType type) {
  switch (type) {
    case DataType::kInt8:
      return IntegerLimits{-128, 127};
    case DataType::kUint8:
      return IntegerLimits{0, 255};
    case DataType::kInt16:
      return IntegerLimits{-32768, 32767};
    case DataType::kUint16:
      return IntegerLimits{0, 65535};
    case DataType::kInt4:
      return IntegerLimits{-8, 7};
    case DataType::kUint4:
      return IntegerLimits{0, 15};
    default:
      return std::nullopt;
  }
}

// "float32", "int64", ...: numpy's names, and those of its extension ml_dtypes.
absl::string_view DataTypeName(DataType type);

// What ONNX writes a type as (TensorProto.DataType), and the type that it writes as that number;
// nothing for one that is not read.
int32_t OnnxNumber(DataType type);
std::optional<DataType> TypeOfOnnxNumber(int64_t number);

// The DataType of a C++ element type.
template <typename T>
struct DataTypeOf;
template <>
struct DataTypeOf<float> {
  static constexpr DataType value = DataType::kFloat32;
};
template <>
struct DataTypeOf<double> {
  static constexpr DataType value = DataType::kFloat64;
};
template <>
struct DataTypeOf<int8_t> {
  static constexpr DataType value = DataType::kInt8;
};
template <>
struct DataTypeOf<uint8_t> {
  static constexpr DataType value = DataType::kUint8;
};
template <>
struct DataTypeOf<int32_t> {
  static constexpr DataType value = DataType::kInt32;
};
template <>
struct DataTypeOf<int64_t> {
  static constexpr DataType value = DataType::kInt64;
};
template <>
struct DataTypeOf<bool> {
  static constexpr DataType value = DataType::kBool;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_DATA_TYPE_H_
