#include "search/sensitivity/pooled_divergence.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "search/sensitivity/divergence.h"

namespace halftone {
namespace {

// Means of exponentials below this have lost the terms that count to underflow.
constexpr double kLeastMean = 1e-280;

}  // namespace

PooledDivergence::PooledDivergence(absl::Span<const float> reference, int64_t classes)
    : classes_(static_cast<size_t>(classes)),
      samples_(reference.size() / classes_),
      reference_(reference.begin(), reference.end()) {
  probabilities_.reserve(reference.size());
  for (size_t i = 0; i < samples_; ++i) {
    const std::vector<double> row = SoftmaxRow(reference.subspan(i * classes_, classes_));
    probabilities_.insert(probabilities_.end(), row.begin(), row.end());
  }
  for (size_t begin = 0; begin < samples_; begin += kGroup) {
    FindNeighbours(begin, std::min(begin + kGroup, samples_));
  }
}

void PooledDivergence::FindNeighbours(size_t begin, size_t end) {
  const size_t count = end - begin;
  const std::vector<float> centered = CenteredColumns(begin, end);
  const auto nearest = static_cast<size_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  std::vector<float> distances(count);
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) {
    std::fill(distances.begin(), distances.end(), 0.0f);
    for (size_t c = 0; c < classes_; ++c) {
      const float* column = centered.data() + c * count;
      for (size_t j = 0; j < count; ++j) {
        const float difference = column[j] - column[i];
        distances[j] += difference * difference;
      }
    }
    distances[i] = -1;  // itself first
    std::iota(order.begin(), order.end(), 0);
    const auto is_nearer = [&](size_t a, size_t b) {
      return std::tie(distances[a], a) < std::tie(distances[b], b);
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(nearest), order.end(),
                      is_nearer);
    for (size_t j = 0; j < nearest; ++j) neighbours_.push_back(begin + order[j]);
    begins_.push_back(neighbours_.size());
  }
}

std::vector<float> PooledDivergence::CenteredColumns(size_t begin, size_t end) const {
  const size_t count = end - begin;
  std::vector<float> columns(count * classes_);
  for (size_t i = 0; i < count; ++i) {
    const float* row = reference_.data() + (begin + i) * classes_;
    const float mean = std::accumulate(row, row + classes_, 0.0f) / static_cast<float>(classes_);
    for (size_t c = 0; c < classes_; ++c) columns[c * count + i] = row[c] - mean;
  }
  return columns;
}

std::vector<double> PooledDivergence::Pseudovalues(absl::Span<const float> changed) const {
  // KL(softmax(z) || softmax(z + d)) = log(sum_c p_c exp(d_c)) - sum_c p_c d_c, p = softmax(z); the
  // largest of d is taken off, which changes neither side.
  std::vector<double> disturbances(changed.size()), exponentials(changed.size());
  for (size_t i = 0; i < samples_; ++i) {
    double* d = disturbances.data() + i * classes_;
    for (size_t c = 0; c < classes_; ++c) {
      d[c] = static_cast<double>(changed[i * classes_ + c]) -
             static_cast<double>(reference_[i * classes_ + c]);
    }
    const double largest = *std::max_element(d, d + classes_);
    for (size_t c = 0; c < classes_; ++c) {
      d[c] -= largest;
      exponentials[i * classes_ + c] = std::exp(d[c]);
    }
  }
  std::vector<double> values(samples_, 0.0);
  double total = 0;
  for (size_t i = 0; i < samples_; ++i) {
    const std::vector<double> row = DivergencesOf(i, disturbances, exponentials);
    const auto count = static_cast<double>(row.size());
    const double mean = std::accumulate(row.begin(), row.end(), 0.0) / count;
    values[i] += mean;
    total += mean;
    // Deviations from the mean of so few vary less than those from the mean of many would.
    const double scale = 1 / std::sqrt(count * std::max(1.0, count - 1));
    for (size_t n = 0; n < row.size(); ++n) {
      const size_t neighbour = neighbours_[begins_[i] + n];
      // A sample's own disturbance of itself is in its mean already.
      if (neighbour != i) values[neighbour] += scale * (row[n] - mean);
    }
  }
  const double shift =
      (total - std::accumulate(values.begin(), values.end(), 0.0)) / static_cast<double>(samples_);
  for (double& value : values) value += shift;
  return values;
}

std::vector<double> PooledDivergence::DivergencesOf(size_t sample,
                                                    const std::vector<double>& disturbances,
                                                    const std::vector<double>& exponentials) const {
  std::vector<double> divergences;
  const double* p = probabilities_.data() + sample * classes_;
  for (size_t n = begins_[sample]; n < begins_[sample + 1]; ++n) {
    const double* d = disturbances.data() + neighbours_[n] * classes_;
    const double* e = exponentials.data() + neighbours_[n] * classes_;
    double mean = 0, shifted = 0;
    for (size_t c = 0; c < classes_; ++c) {
      mean += p[c] * e[c];
      shifted += p[c] * d[c];
    }
    divergences.push_back(mean > kLeastMean ? std::log(mean) - shifted : KlOfMoved(sample, d));
  }
  return divergences;
}

double PooledDivergence::KlOfMoved(size_t sample, const double* disturbance) const {
  const auto row = absl::MakeConstSpan(reference_).subspan(sample * classes_, classes_);
  std::vector<float> moved;
  for (size_t c = 0; c < classes_; ++c) {
    moved.push_back(static_cast<float>(static_cast<double>(row[c]) + disturbance[c]));
  }
  return KlOfRow(row, moved);
}

}  // namespace halftone
