#include "nn/quant/result_error.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/target_clones.h"

namespace halftone {
namespace {

constexpr float kRidge = 0.01f;
constexpr size_t kVectors = ResultError::kAtOnce;

struct Vectors {
  const float* at[kVectors];
};

constexpr int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

int64_t PanelsOf(int64_t size) { return (size + kLanes - 1) / kLanes; }

// products[v][j] = sum over i of errors[v][i] * C[i][j]; C a block of `size` columns in `panels`.
// As many sums as registers hold are under way together, and each is over i in its order.
HT_TARGET_CLONES void MultiplyBlock(const float* panels, int64_t size, const Vectors& errors,
                                    float* const* products) {
  for (int64_t j = 0; j < size; j += kLanes) {
    Lanes sums[kVectors] = {};
    for (int64_t i = 0; i < size; ++i, panels += kLanes) {
      Lanes row;
      std::memcpy(&row, panels, sizeof(row));
      for (size_t v = 0; v < kVectors; ++v) sums[v] += errors.at[v][i] * row;
    }
    const auto bytes = static_cast<size_t>(std::min(kLanes, size - j)) * sizeof(float);
    for (size_t v = 0; v < kVectors; ++v) std::memcpy(products[v] + j, &sums[v], bytes);
  }
}

// The sum of a[i] * b[i], in floats within each panel.
double SumOfPanels(const float* a, const float* b, int64_t size) {
  double sum = 0;
  for (int64_t j = 0; j < size; j += kLanes) {
    float total = 0;
    for (int64_t i = j; i < std::min(size, j + kLanes); ++i) total += a[i] * b[i];
    sum += static_cast<double>(total);
  }
  return sum;
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

HT_TARGET_CLONES double SumProducts(const float* a, const float* b, size_t count) {
  constexpr size_t kSums = 16;
  double sums[kSums] = {};
  size_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    for (size_t lane = 0; lane < kSums; ++lane) {
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  double total = 0;
  for (; i < count; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  for (const double sum : sums) total += sum;
  return total;
}

double Dot(absl::Span<const float> a, absl::Span<const float> b) {
  return SumProducts(a.data(), b.data(), a.size());
}

}  // namespace

ResultError::ResultError(const SourceMoments& moments, int64_t group, bool keeps_mean)
    : size_(moments.size) {
  const double* const means = moments.means.data() + group * size_;
  const float* row = moments.covariances.data() + group * SourceMoments::CovarianceElements(size_);
  double sum = 0;
  float* block = nullptr;
  for (int64_t i = 0; i < size_; ++i) {
    const int64_t size = moments.BlockSize(i);
    const int64_t place = i - SourceMoments::BlockBegin(i);
    if (place == 0) {
      const size_t before = covariances_.size();
      covariances_.resize(before + static_cast<size_t>(PanelsOf(size) * size * kLanes));
      block = covariances_.data() + before;
    }
    for (int64_t j = 0; j < size; ++j) {
      block[(j / kLanes * size + place) * kLanes + j % kLanes] = row[j];
    }
    const float variance = row[place];
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

// Calls visit(block's first source, its size, products of the block with each of `errors`), kAtOnce
// of these at a time: those from `first` on.
template <typename Visit>
void ResultError::ForEachProduct(absl::Span<const absl::Span<const float>> errors,
                                 const Visit& visit) const {
  std::vector<float> memory(kVectors * SourceMoments::kBlock);
  float* products[kVectors];
  for (size_t v = 0; v < kVectors; ++v) products[v] = memory.data() + v * SourceMoments::kBlock;
  for (size_t first = 0; first < errors.size(); first += kVectors) {
    const size_t count = std::min(kVectors, errors.size() - first);
    const float* panels = covariances_.data();
    for (int64_t begin = 0; begin < size_; begin += SourceMoments::kBlock) {
      const int64_t size = std::min(SourceMoments::kBlock, size_ - begin);
      Vectors vectors;
      for (size_t v = 0; v < kVectors; ++v) {
        vectors.at[v] = errors[first + std::min(v, count - 1)].data() + begin;
      }
      MultiplyBlock(panels, size, vectors, products);
      for (size_t v = 0; v < count; ++v) visit(first + v, begin, size, products[v]);
      panels += PanelsOf(size) * size * kLanes;
    }
  }
}

std::vector<double> ResultError::Products(absl::Span<const Pair> pairs) const {
  std::vector<absl::Span<const float>> firsts;
  std::vector<size_t> begins;  // of the pairs of each
  for (size_t p = 0; p < pairs.size(); ++p) {
    if (p > 0 && pairs[p].first.data() == firsts.back().data()) continue;
    firsts.push_back(pairs[p].first);
    begins.push_back(p);
  }
  begins.push_back(pairs.size());
  std::vector<double> results(pairs.size());
  ForEachProduct(firsts, [&](size_t i, int64_t begin, int64_t size, const float* products) {
    for (size_t p = begins[i]; p < begins[i + 1]; ++p) {
      results[p] += SumOfPanels(products, pairs[p].second.data() + begin, size);
    }
  });
  for (size_t p = 0; p < pairs.size(); ++p) {
    const auto& [a, b] = pairs[p];
    results[p] += static_cast<double>(ridge_) * Dot(a, b);
    if (!means_.empty()) results[p] += Dot(a, means_) * Dot(b, means_);
  }
  return results;
}

std::vector<std::vector<float>> ResultError::Times(
    absl::Span<const absl::Span<const float>> errors) const {
  std::vector<std::vector<float>> results(errors.size(), std::vector<float>(size_t(size_)));
  ForEachProduct(errors, [&](size_t i, int64_t begin, int64_t size, const float* products) {
    std::copy_n(products, size, results[i].begin() + begin);
  });
  for (size_t e = 0; e < errors.size(); ++e) {
    const auto mean = static_cast<float>(means_.empty() ? 0 : Dot(errors[e], means_));
    for (size_t i = 0; i < results[e].size(); ++i) {
      results[e][i] += ridge_ * errors[e][i];
      if (!means_.empty()) results[e][i] += mean * means_[i];
    }
  }
  return results;
}

ChannelError::ChannelError(const ResultError& result, absl::Span<const float> weights,
                           std::vector<float> response)
    : result_(result), response_(std::move(response)) {
  const double power = Dot(response_, weights);
  if (power > 0) alike_ = kAlikeLayers / power;
}

ChannelError::ChannelError(const ResultError& result, absl::Span<const float> weights)
    : ChannelError(result, weights,
                   std::move(result.Times(absl::MakeConstSpan(&weights, 1)).front())) {}

std::vector<double> ChannelError::Products(absl::Span<const ResultError::Pair> pairs) const {
  std::vector<double> products = result_.Products(pairs);
  for (size_t p = 0; p < products.size(); ++p) {
    const auto& [a, b] = pairs[p];
    const double missing = Dot(response_, a);
    products[p] += alike_ * missing * (a.data() == b.data() ? missing : Dot(response_, b));
  }
  return products;
}

double ChannelError::Estimate(absl::Span<const float> errors) const {
  const double missing = Dot(response_, errors);
  return SumProducts(result_.diagonal().data(), errors.data(), errors.data(), size()) +
         alike_ * missing * missing;
}

}  // namespace halftone
