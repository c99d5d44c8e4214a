#ifndef HALFTONE_SEARCH_SOLVER_PLANE_MAXIMUM_H_
#define HALFTONE_SEARCH_SOLVER_PLANE_MAXIMUM_H_

#include <Eigen/Core>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace halftone {

// The highest point under planes, over a box: what Kelley's cutting planes ask for (Journal of the
// SIAM 8, 1960), for few dimensions. A dual simplex method whose active planes and sides stay from
// call to call, so that another plane takes a few steps. Numbers that allow no step end it early:
// `point` is then still in the box. Not thread-safe.
class PlaneMaximum {
 public:
  static constexpr size_t kMostDimensions = 7;

  // Forgets all planes, for boxes of that many dimensions.
  void Reset(size_t dimensions);
  void SetBox(absl::Span<const double> low, absl::Span<const double> high);
  // Of the heights `height + slopes . point`.
  void AddPlane(double height, absl::Span<const double> slopes);
  // Moves to the highest point; there must be a plane. Gives its height under all planes.
  double Maximize();
  const std::vector<double>& point() const { return point_; }
  // Whether the box ends at the point in some dimension.
  bool IsAtASide() const;

 private:
  static constexpr int kMost = static_cast<int>(kMostDimensions) + 1;
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, kMost, kMost>;
  using Vector = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, kMost, 1>;

  // Rows of  row . (point, height) <= limit: two sides of each dimension, then planes.
  struct Row {
    Vector normal;
    double limit = 0;
  };

  size_t dimensions_ = 0;
  std::vector<Row> rows_;
  std::vector<size_t> active_;  // dimensions + 1 of them; none before the first plane
  std::vector<double> low_, high_, point_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_PLANE_MAXIMUM_H_
