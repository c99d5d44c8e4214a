#include "nn/graph/float32.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr int64_t kLargestExact = int64_t{1} << 24;

}  // namespace

absl::StatusOr<Tensor> ToFloat32(const Tensor& tensor) {
  if (tensor.type() == DataType::kFloat32) return tensor;
  if (IsFloat(tensor.type())) {
    HT_ASSIGN_OR_RETURN(std::vector<float> floats, tensor.ToFloats());
    return Tensor::Of<float>(tensor.shape(), std::move(floats));
  }
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> integers, tensor.ToInts());
  for (const int64_t value : integers) {
    if (value > kLargestExact || value < -kLargestExact) {
      return absl::OutOfRangeError(
          absl::StrCat("the integer ", value, " is beyond 2^24, where float32 is exact"));
    }
  }
  return Tensor::Of<float>(tensor.shape(), std::vector<float>(integers.begin(), integers.end()));
}

DataType EngineType(DataType type) {
  return IsFloat(type) && !IsNarrowFloat(type) ? DataType::kFloat32 : type;
}

absl::StatusOr<Tensor> ToEngineType(const Tensor& tensor) {
  if (EngineType(tensor.type()) == tensor.type()) return tensor;
  return ToFloat32(tensor);
}

}  // namespace halftone
