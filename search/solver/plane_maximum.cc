#include "search/solver/plane_maximum.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/infinity.h"

namespace halftone {
namespace {

constexpr int kMostSteps = 60;
// Relative to the numbers that are compared.
constexpr double kNoise = 1e-12;

}  // namespace

void PlaneMaximum::Reset(size_t dimensions) {
  dimensions_ = dimensions;
  rows_.clear();
  active_.clear();
  for (size_t side = 0; side < 2 * dimensions; ++side) {
    Row& row = rows_.emplace_back();
    row.normal = Vector::Zero(static_cast<Eigen::Index>(dimensions) + 1);
    row.normal[static_cast<Eigen::Index>(side / 2)] = side % 2 == 0 ? -1 : 1;
  }
}

void PlaneMaximum::SetBox(absl::Span<const double> low, absl::Span<const double> high) {
  low_.assign(low.begin(), low.end());
  high_.assign(high.begin(), high.end());
  for (size_t k = 0; k < dimensions_; ++k) {
    rows_[2 * k].limit = -low[k];
    rows_[2 * k + 1].limit = high[k];
  }
}

void PlaneMaximum::AddPlane(double height, absl::Span<const double> slopes) {
  Row& row = rows_.emplace_back();
  row.normal.resize(static_cast<Eigen::Index>(dimensions_) + 1);
  for (size_t k = 0; k < dimensions_; ++k) row.normal[static_cast<Eigen::Index>(k)] = -slopes[k];
  row.normal[static_cast<Eigen::Index>(dimensions_)] = 1;
  row.limit = height;
  if (!active_.empty()) return;
  // Of the first plane, the corner of the box to which it rises.
  for (size_t k = 0; k < dimensions_; ++k) active_.push_back(2 * k + (slopes[k] > 0 ? 1 : 0));
  active_.push_back(rows_.size() - 1);
}

double PlaneMaximum::Maximize() {
  const auto size = static_cast<Eigen::Index>(dimensions_) + 1;
  double height = kInfinity;
  for (int step = 0; step < kMostSteps; ++step) {
    Matrix matrix(size, size);
    Vector limits(size);
    for (Eigen::Index i = 0; i < size; ++i) {
      const Row& row = rows_[active_[static_cast<size_t>(i)]];
      matrix.row(i) = row.normal.transpose();
      limits[i] = row.limit;
    }
    const Eigen::PartialPivLU<Matrix> factors(matrix);
    const Vector vertex = factors.solve(limits);
    if (!vertex.allFinite()) break;
    size_t violated = rows_.size();
    double most = 0;
    for (size_t r = 0; r < rows_.size(); ++r) {
      const double sum = rows_[r].normal.dot(vertex);
      const double size_of_it = std::abs(rows_[r].limit) + std::abs(sum);
      const double over = sum - rows_[r].limit - kNoise * size_of_it;
      if (over > most) {
        most = over;
        violated = r;
      }
    }
    if (violated == rows_.size()) {
      height = vertex[size - 1];
      point_.assign(vertex.data(), vertex.data() + dimensions_);
      break;
    }
    // Multipliers of the active rows, and the violated row as a sum of them.
    Vector objective = Vector::Zero(size);
    objective[size - 1] = 1;
    const Vector multipliers = factors.transpose().solve(objective);
    const Vector parts = factors.transpose().solve(rows_[violated].normal);
    Eigen::Index leaves = size;
    double least = kInfinity;
    for (Eigen::Index i = 0; i < size; ++i) {
      if (!(parts[i] > kNoise)) continue;
      const double ratio = std::max(0.0, multipliers[i]) / parts[i];
      if (ratio < least) {
        least = ratio;
        leaves = i;
      }
    }
    if (leaves == size) break;
    active_[static_cast<size_t>(leaves)] = violated;
  }
  point_.resize(dimensions_);
  for (size_t k = 0; k < dimensions_; ++k) {
    if (!(point_[k] >= low_[k])) point_[k] = low_[k];
    point_[k] = std::min(point_[k], high_[k]);
  }
  return height;
}

bool PlaneMaximum::IsAtASide() const {
  for (size_t k = 0; k < dimensions_; ++k) {
    const double margin = 1e-6 * (high_[k] - low_[k]);
    if (point_[k] <= low_[k] + margin || point_[k] >= high_[k] - margin) return true;
  }
  return false;
}

}  // namespace halftone
