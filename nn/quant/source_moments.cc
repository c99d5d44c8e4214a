#include "nn/quant/source_moments.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/target_clones.h"

namespace halftone {
namespace {

constexpr int64_t kBlock = SourceMoments::kBlock;
constexpr float kRidge = 0.01f;
constexpr size_t kVectors = ResultError::kAtOnce;

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

struct Vectors {
  const float* a[kVectors];
  const float* b[kVectors];
};

constexpr int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

int64_t PaddedSize(int64_t size) { return (size + kLanes - 1) / kLanes * kLanes; }

// results[v] += a'Cb of each pair, for the sources from `begin` on; C [size][PaddedSize(size)].
HT_TARGET_CLONES void AddBlockProducts(const float* c, int64_t size, const Vectors& vectors,
                                       int64_t begin, double* results) {
  const int64_t stride = (size + kLanes - 1) / kLanes * kLanes;
  for (int64_t j = 0; j < size; j += kLanes) {
    Lanes sums[kVectors] = {};
    for (int64_t i = 0; i < size; ++i) {
      Lanes row;
      std::memcpy(&row, c + i * stride + j, sizeof(row));
      for (size_t v = 0; v < kVectors; ++v) sums[v] += vectors.a[v][begin + i] * row;
    }
    const int64_t lanes = std::min(kLanes, size - j);
    for (size_t v = 0; v < kVectors; ++v) {
      float total = 0;
      for (int64_t lane = 0; lane < lanes; ++lane) {
        total += sums[v][lane] * vectors.b[v][begin + j + lane];
      }
      results[v] += static_cast<double>(total);
    }
  }
}

double Dot(absl::Span<const float> a, absl::Span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
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

ResultError::ResultError(const SourceMoments& moments, int64_t group, bool keeps_mean)
    : size_(moments.size) {
  const double* const means = moments.means.data() + group * size_;
  const float* row = moments.covariances.data() + group * SourceMoments::CovarianceElements(size_);
  double sum = 0;
  for (int64_t i = 0; i < size_; ++i) {
    const int64_t size = moments.BlockSize(i);
    const float variance = row[i - SourceMoments::BlockBegin(i)];
    covariances_.insert(covariances_.end(), row, row + size);
    covariances_.resize(covariances_.size() + static_cast<size_t>(PaddedSize(size) - size));
    row += size;
    const auto mean = static_cast<float>(means[i]);
    diagonal_.push_back(std::max(0.0f, variance) + (keeps_mean ? mean * mean : 0.0f));
    sum += static_cast<double>(diagonal_.back());
    if (keeps_mean) means_.push_back(mean);
  }
  // Where nothing is read but zeros, the weights' own error counts.
  const double average = sum / static_cast<double>(std::max<int64_t>(size_, 1));
  ridge_ = average > 0 ? kRidge * static_cast<float>(average) : 1.0f;
  for (float& value : diagonal_) value += ridge_;
}

std::array<double, ResultError::kAtOnce> ResultError::Products(
    const std::array<Pair, kAtOnce>& pairs) const {
  Vectors vectors;
  std::array<double, kAtOnce> products{};
  for (size_t v = 0; v < kAtOnce; ++v) {
    vectors.a[v] = pairs[v].first.data();
    vectors.b[v] = pairs[v].second.data();
  }
  const float* block = covariances_.data();
  for (int64_t begin = 0; begin < size_; begin += kBlock) {
    const int64_t size = std::min(kBlock, size_ - begin);
    AddBlockProducts(block, size, vectors, begin, products.data());
    block += size * PaddedSize(size);
  }
  for (size_t v = 0; v < kAtOnce; ++v) {
    const auto& [a, b] = pairs[v];
    products[v] += static_cast<double>(ridge_) * Dot(a, b);
    if (!means_.empty()) products[v] += Dot(a, means_) * Dot(b, means_);
  }
  return products;
}

}  // namespace halftone
