#include "nn/quant/source_moments.h"

#include <algorithm>

#include "base/target_clones.h"

namespace halftone {
namespace {

constexpr int64_t kBlock = SourceMoments::kBlock;

// sums[j] += sum over rows of row[i] * row[j], for the sources j >= i of a block of `size`; rows
// are `stride` apart.
HT_TARGET_CLONES void AddProducts(const float* rows, int64_t count, int64_t stride, int64_t i,
                                  int64_t size, float* sums) {
  for (int64_t r = 0; r < count; ++r) {
    const float* const row = rows + r * stride;
    const float factor = row[i];
    for (int64_t j = i; j < size; ++j) sums[j] += factor * row[j];
  }
}

}  // namespace

int64_t SourceMoments::BlockSize(int64_t i) const { return std::min(kBlock, size - BlockBegin(i)); }

int64_t SourceMoments::CovarianceElements(int64_t size) {
  const int64_t rest = size % kBlock;
  return (size - rest) * kBlock + rest * rest;
}

MomentAccumulator::MomentAccumulator(int64_t groups, int64_t size)
    : groups_(groups),
      size_(size),
      sums_(static_cast<size_t>(groups * size)),
      products_(static_cast<size_t>(groups * SourceMoments::CovarianceElements(size))) {}

void MomentAccumulator::Add(absl::Span<const float> rows) {
  // Floats are summed over few rows, so that what is lost stays far below what is compared.
  constexpr int64_t kRows = 64;
  const int64_t stride = groups_ * size_;
  const auto count = static_cast<int64_t>(rows.size()) / stride;
  for (int64_t begin = 0; begin < count; begin += kRows) {
    const int64_t some = std::min(kRows, count - begin);
    const auto part =
        rows.subspan(static_cast<size_t>(begin * stride), static_cast<size_t>(some * stride));
    for (size_t i = 0; i < part.size(); ++i) {
      sums_[i % static_cast<size_t>(stride)] += static_cast<double>(part[i]);
    }
    double* products = products_.data();
    for (int64_t first = 0; first < stride;) {
      const int64_t size = std::min(kBlock, size_ - first % size_);
      AddBlock(part, first, size, products);
      products += size * size;
      first += size;
    }
  }
  rows_ += count;
}

void MomentAccumulator::AddBlock(absl::Span<const float> rows, int64_t first, int64_t size,
                                 double* products) {
  const int64_t stride = groups_ * size_;
  const auto count = static_cast<int64_t>(rows.size()) / stride;
  for (int64_t i = 0; i < size; ++i) {
    float sums[kBlock] = {};
    AddProducts(rows.data() + first, count, stride, i, size, sums);
    for (int64_t j = i; j < size; ++j) products[i * size + j] += static_cast<double>(sums[j]);
  }
}

SourceMoments MomentAccumulator::Moments() const {
  SourceMoments moments;
  moments.groups = groups_;
  moments.size = size_;
  const auto count = static_cast<double>(std::max<int64_t>(rows_, 1));
  for (const double sum : sums_) moments.means.push_back(sum / count);
  moments.covariances.reserve(products_.size());
  const double* means = moments.means.data();
  const double* block = products_.data();
  for (int64_t first = 0; first < groups_ * size_;) {
    const int64_t size = moments.BlockSize(first % size_);
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t j = 0; j < size; ++j) {
        const double product = block[std::min(i, j) * size + std::max(i, j)];
        moments.covariances.push_back(
            static_cast<float>(product / count - means[first + i] * means[first + j]));
      }
    }
    block += size * size;
    first += size;
  }
  return moments;
}

}  // namespace halftone
