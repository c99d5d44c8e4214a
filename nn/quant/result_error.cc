#include "nn/quant/result_error.h"

#include <algorithm>
#include <cstring>

#include "base/target_clones.h"

namespace halftone {
namespace {

constexpr float kRidge = 0.01f;
constexpr size_t kVectors = ResultError::kAtOnce;

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

// products[i] += sum over j of C[i][j] * errors[j]; C as above, which is symmetric.
HT_TARGET_CLONES void AddTimes(const float* c, int64_t size, const float* errors, float* products) {
  const int64_t stride = (size + kLanes - 1) / kLanes * kLanes;
  for (int64_t j = 0; j < size; ++j) {
    const float factor = errors[j];
    const float* const row = c + j * stride;
    for (int64_t i = 0; i < size; ++i) products[i] += factor * row[i];
  }
}

// The sum of a[i] * b[i] * c[i]; independent partial sums let the compiler use vector registers.
HT_TARGET_CLONES double SumProducts(const float* a, const float* b, const float* c, int64_t count) {
  float sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += a[i + lane] * b[i + lane] * c[i + lane];
    }
  }
  double total = 0;
  for (; i < count; ++i) total += static_cast<double>(a[i] * b[i] * c[i]);
  for (const float sum : sums) total += static_cast<double>(sum);
  return total;
}

double Dot(absl::Span<const float> a, absl::Span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return sum;
}

}  // namespace

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
  for (int64_t begin = 0; begin < size_; begin += SourceMoments::kBlock) {
    const int64_t size = std::min(SourceMoments::kBlock, size_ - begin);
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

std::vector<float> ResultError::Times(absl::Span<const float> errors) const {
  std::vector<float> products(errors.size());
  const float* block = covariances_.data();
  for (int64_t begin = 0; begin < size_; begin += SourceMoments::kBlock) {
    const int64_t size = std::min(SourceMoments::kBlock, size_ - begin);
    AddTimes(block, size, errors.data() + begin, products.data() + begin);
    block += size * PaddedSize(size);
  }
  const auto mean = static_cast<float>(means_.empty() ? 0 : Dot(errors, means_));
  for (size_t i = 0; i < products.size(); ++i) {
    products[i] += ridge_ * errors[i];
    if (!means_.empty()) products[i] += mean * means_[i];
  }
  return products;
}

ChannelError::ChannelError(const ResultError& result, absl::Span<const float> weights)
    : result_(result), response_(result.Times(weights)) {
  const double power = Dot(response_, weights);
  if (power > 0) alike_ = kAlikeLayers / power;
}

std::array<double, ResultError::kAtOnce> ChannelError::Products(
    const std::array<ResultError::Pair, ResultError::kAtOnce>& pairs) const {
  auto products = result_.Products(pairs);
  for (size_t v = 0; v < products.size(); ++v) {
    products[v] += alike_ * Dot(response_, pairs[v].first) * Dot(response_, pairs[v].second);
  }
  return products;
}

double ChannelError::Estimate(absl::Span<const float> errors) const {
  const double missing = Dot(response_, errors);
  return SumProducts(result_.diagonal().data(), errors.data(), errors.data(), size()) +
         alike_ * missing * missing;
}

}  // namespace halftone
