#include "nn/quant/weight_channels.h"

#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {

absl::Status CheckWeights(const Tensor& weights, int axis) {
  if (weights.type() != DataType::kFloat32) {
    return absl::InvalidArgumentError(
        absl::StrCat("weights must be float32, not ", DataTypeName(weights.type())));
  }
  HT_RETURN_IF_ERROR(weights.shape().Check());
  if (axis < -1 || axis >= weights.shape().rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("weights of shape ", weights.shape().ToString(), " have no axis ", axis));
  }
  const absl::Span<const float> values = weights.data<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return absl::InvalidArgumentError(absl::StrCat("weight ", i, " is not finite"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::vector<float>> SplitWeights(const Tensor& weights, int axis) {
  const absl::Span<const float> values = weights.data<float>();
  if (axis == -1) return {std::vector<float>(values.begin(), values.end())};
  const Shape& shape = weights.shape();
  size_t inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= static_cast<size_t>(shape.dim(i));
  std::vector<std::vector<float>> channels(static_cast<size_t>(shape.dim(axis)));
  for (size_t i = 0; i < values.size(); i += inner) {
    std::vector<float>& channel = channels[i / inner % channels.size()];
    channel.insert(channel.end(), values.begin() + static_cast<std::ptrdiff_t>(i),
                   values.begin() + static_cast<std::ptrdiff_t>(i + inner));
  }
  return channels;
}

}  // namespace halftone
