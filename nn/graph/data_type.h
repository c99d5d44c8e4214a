#ifndef HALFTONE_NN_GRAPH_DATA_TYPE_H_
#define HALFTONE_NN_GRAPH_DATA_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace halftone {

// The element types of ONNX tensors that Halftone reads. Networks are computed in kFloat32.
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
};

// Bytes of one element.
constexpr size_t SizeOf(DataType type) {
  switch (type) {
    case DataType::kInt8:
    case DataType::kUint8:
    case DataType::kBool:
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

// Whether elements are floating-point numbers; the other types are integers or bool.
constexpr bool IsFloat(DataType type) {
  return type == DataType::kFloat32 || type == DataType::kFloat64 || type == DataType::kFloat16 ||
         type == DataType::kBFloat16;
}

// The least and the largest integer of 8 and 16 bits, as quantized values have; nothing for others.
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
    default:
      return std::nullopt;
  }
}

// "float32", "int64", ...: numpy's names.
absl::string_view DataTypeName(DataType type);

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
