#include "nn/graph/data_type.h"

#include <algorithm>
#include <array>

namespace halftone {
namespace {

struct Names {
  DataType type;
  int32_t number;  // ONNX's
  absl::string_view name;
};

// In the order of DataType.
constexpr std::array<Names, 20> kNames = {{
    {DataType::kFloat32, 1, "float32"},
    {DataType::kFloat64, 11, "float64"},
    {DataType::kFloat16, 10, "float16"},
    {DataType::kBFloat16, 16, "bfloat16"},
    {DataType::kInt8, 3, "int8"},
    {DataType::kUint8, 2, "uint8"},
    {DataType::kInt16, 5, "int16"},
    {DataType::kUint16, 4, "uint16"},
    {DataType::kInt32, 6, "int32"},
    {DataType::kUint32, 12, "uint32"},
    {DataType::kInt64, 7, "int64"},
    {DataType::kUint64, 13, "uint64"},
    {DataType::kBool, 9, "bool"},
    {DataType::kFloat8E4M3Fn, 17, "float8_e4m3fn"},
    {DataType::kFloat8E4M3Fnuz, 18, "float8_e4m3fnuz"},
    {DataType::kFloat8E5M2, 19, "float8_e5m2"},
    {DataType::kFloat8E5M2Fnuz, 20, "float8_e5m2fnuz"},
    {DataType::kFloat4E2M1, 23, "float4_e2m1fn"},
    {DataType::kInt4, 22, "int4"},
    {DataType::kUint4, 21, "uint4"},
}};

constexpr bool IsInOrder() {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (static_cast<size_t>(kNames[i].type) != i) return false;
  }
  return true;
}
static_assert(IsInOrder());

}  // namespace

absl::string_view DataTypeName(DataType type) { return kNames[static_cast<size_t>(type)].name; }

int32_t OnnxNumber(DataType type) { return kNames[static_cast<size_t>(type)].number; }

std::optional<DataType> TypeOfOnnxNumber(int64_t number) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(),
                   [number](const Names& names) { return names.number == number; });
  if (found == kNames.end()) return std::nullopt;
  return found->type;
}

}  // namespace halftone
