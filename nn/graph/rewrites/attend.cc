#include "nn/graph/rewrites/attend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

constexpr int64_t kMostPositions = int64_t{1} << 26;  // a mask of 256 MiB

}  // namespace

std::string SplitHeads(const std::string& src, int64_t heads, int64_t size, PartsBuilder& builder) {
  return builder.Transpose(builder.Reshape(src, {0, 0, heads, size}), {0, 2, 1, 3});
}

std::string JoinHeads(const std::string& src, int64_t width, PartsBuilder& builder) {
  return builder.Reshape(builder.Transpose(src, {0, 2, 1, 3}), {0, 0, width});
}

std::string WriteScores(const std::string& queries, const std::string& keys, float scale,
                        PartsBuilder& builder) {
  const std::string turned = builder.Transpose(keys, {0, 1, 3, 2});
  const std::string products = builder.MatMul(queries, turned, "scores");
  return scale == 1.0f ? products : builder.Mul(products, builder.Float(scale));
}

std::string WriteMixture(const std::string& probabilities, const std::string& values,
                         PartsBuilder& builder) {
  return builder.MatMul(probabilities, values, "mixture");
}

absl::Status SeenKeys::Check() const {
  if (keys <= kMostPositions / std::max<int64_t>(queries, 1)) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(queries, " queries of ", keys, " keys"));
}

Tensor SeenKeys::Bias(float hidden) const {
  std::vector<float> bias;
  for (int64_t query = 0; query < queries; ++query) {
    for (int64_t key = 0; key < keys; ++key) {
      const int64_t ahead = key - (query + offset);
      const bool is_seen = (left < 0 || -ahead <= left) && (right < 0 || ahead <= right);
      bias.push_back(is_seen ? 0.0f : hidden);
    }
  }
  return Tensor::Of<float>(Shape{queries, keys}, std::move(bias));
}

}  // namespace halftone
