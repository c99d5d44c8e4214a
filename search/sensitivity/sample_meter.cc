#include "search/sensitivity/sample_meter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace halftone {
namespace {

// Logits of all samples that are pooled at most: 150 MiB while they are. So many samples have
// little sampling error as it is.
constexpr size_t kMaxPooledElements = size_t{1} << 22;

}  // namespace

SampleMeter::SampleMeter(std::vector<Head> heads, int64_t samples)
    : samples_(static_cast<size_t>(samples)) {
  for (Head& head : heads) heads_.push_back({std::move(head), nullptr, {}});
}

double SampleMeter::PooledBytes(int64_t samples, double classes) {
  const auto count = static_cast<double>(samples);
  if (count * classes > kMaxPooledElements) return 0;
  // The reference and its probabilities, the changed logits, what they differ by and that as
  // exponentials.
  const double logits = 2 * sizeof(float) + 3 * sizeof(double);
  const auto group = static_cast<double>(PooledDivergence::kGroup);
  const double neighbours = std::ceil(std::sqrt(std::min(count, group)));
  // Of the neighbours, while the list grows.
  const double grown = 1.5 * sizeof(size_t);
  return count * (logits * classes + grown * neighbours);
}

void SampleMeter::Pool(size_t head, absl::Span<const float> reference) {
  Counted& counted = heads_[head];
  const bool is_finite = std::all_of(reference.begin(), reference.end(),
                                     [](float value) { return std::isfinite(value); });
  if (!counted.head.is_kl() || counted.head.rows != 1 || !is_finite) return;
  if (reference.empty() || reference.size() > kMaxPooledElements) return;
  counted.pooled = std::make_unique<PooledDivergence>(reference, counted.head.width);
}

void SampleMeter::Begin() {
  divergences_.assign(samples_, 0.0);
  for (Counted& counted : heads_) {
    const int64_t kept = counted.pooled == nullptr ? 0 : counted.head.width;
    counted.logits.assign(samples_ * static_cast<size_t>(kept), 0.0f);
  }
}

void SampleMeter::Add(size_t head, int64_t sample, absl::Span<const float> before,
                      absl::Span<const float> after) {
  Counted& counted = heads_[head];
  if (counted.pooled != nullptr) {
    std::copy(after.begin(), after.end(), counted.logits.begin() + sample * counted.head.width);
  } else {
    divergences_[static_cast<size_t>(sample)] +=
        counted.head.factor * DivergenceOfSample(counted.head, before, after);
  }
}

std::vector<double> SampleMeter::Finish() const {
  std::vector<double> values = divergences_;
  for (const Counted& counted : heads_) {
    if (counted.pooled == nullptr) continue;
    const std::vector<double> pooled = counted.pooled->Pseudovalues(counted.logits);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] += counted.head.factor * pooled[i];
    }
  }
  return values;
}

}  // namespace halftone
