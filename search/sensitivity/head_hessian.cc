#include "search/sensitivity/head_hessian.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace halftone {
namespace {

using Row = std::vector<double>;

Row RootOfKl(absl::Span<const float> logits, absl::Span<const float> signs) {
  const Row p = SoftmaxRow(logits);
  Row parts(p.size());
  double sum = 0;
  for (size_t c = 0; c < p.size(); ++c) {
    parts[c] = std::sqrt(p[c]) * static_cast<double>(signs[c]);
    sum += parts[c];
  }
  for (size_t c = 0; c < p.size(); ++c) parts[c] -= p[c] * sum;
  return parts;
}

Row RootOfBernoulli(absl::Span<const float> logits, absl::Span<const float> signs) {
  Row parts(logits.size());
  for (size_t c = 0; c < parts.size(); ++c) {
    const double odds = std::exp(-std::abs(static_cast<double>(logits[c])));
    parts[c] = std::sqrt(odds) / (1 + odds) * static_cast<double>(signs[c]);
  }
  return parts;
}

// A row of zeros has no direction to change.
Row RootOfCosine(absl::Span<const float> row, absl::Span<const float> signs) {
  double power = 0, product = 0;
  for (size_t c = 0; c < row.size(); ++c) {
    power += static_cast<double>(row[c]) * static_cast<double>(row[c]);
    product += static_cast<double>(row[c]) * static_cast<double>(signs[c]);
  }
  Row parts(row.size(), 0.0);
  if (power == 0) return parts;
  for (size_t c = 0; c < parts.size(); ++c) {
    parts[c] = (static_cast<double>(signs[c]) - product / power * static_cast<double>(row[c])) /
               std::sqrt(power);
  }
  return parts;
}

Row RootOfRow(HeadKind kind, absl::Span<const float> row, absl::Span<const float> signs) {
  if (kind == HeadKind::kKl) return RootOfKl(row, signs);
  return kind == HeadKind::kBernoulli ? RootOfBernoulli(row, signs) : RootOfCosine(row, signs);
}

// Of heads without rows: the same for all elements.
double RootOfSample(const Head& head, absl::Span<const float> reference) {
  if (head.kind == HeadKind::kMse) return std::sqrt(2.0 / static_cast<double>(head.elements()));
  double power = 0;
  for (const float y : reference) power += static_cast<double>(y) * static_cast<double>(y);
  power = std::max({power, head.least_power, double{std::numeric_limits<float>::min()}});
  return std::sqrt(2.0 / power);
}

}  // namespace

void ApplyHessianRoot(const Head& head, absl::Span<const float> reference,
                      absl::Span<const float> signs, absl::Span<float> out) {
  const double factor = std::sqrt(head.factor);
  if (head.kind == HeadKind::kMse || head.kind == HeadKind::kRelative) {
    const auto root = static_cast<float>(factor * RootOfSample(head, reference));
    for (size_t i = 0; i < out.size(); ++i) out[i] = root * signs[i];
    return;
  }
  const double scale = factor / std::sqrt(static_cast<double>(head.rows));
  std::vector<float> values, row_signs;
  for (int64_t row = 0; row < head.rows; ++row) {
    const Row parts = RootOfRow(head.kind, RowOf(head, reference, row, values),
                                RowOf(head, signs, row, row_signs));
    for (size_t c = 0; c < parts.size(); ++c) {
      const auto place =
          static_cast<size_t>(head.Offset(row)) + c * static_cast<size_t>(head.stride);
      out[place] = static_cast<float>(scale * parts[c]);
    }
  }
}

}  // namespace halftone
