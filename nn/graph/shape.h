#ifndef HALFTONE_NN_GRAPH_SHAPE_H_
#define HALFTONE_NN_GRAPH_SHAPE_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace halftone {

// The dimensions of a tensor, outermost first. A value type. A dimension is either a size >= 0 or
// kDynamic (an input's symbolic batch, before BindBatch).
class Shape {
 public:
  static constexpr int64_t kDynamic = -1;
  // Larger tensors (in elements) are refused wherever a shape comes from outside.
  static constexpr int64_t kMaxElements = int64_t{1} << 32;
  static constexpr int kMaxRank = 12;  // oneDNN's limit

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(absl::Span<const int64_t> dims) : dims_(dims.begin(), dims.end()) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t dim(int axis) const { return dims_[static_cast<size_t>(axis)]; }
  void set_dim(int axis, int64_t size) { dims_[static_cast<size_t>(axis)] = size; }
  const std::vector<int64_t>& dims() const { return dims_; }

  bool IsStatic() const;
  // Product of the dimensions, 1 for a scalar. Requires a checked, static shape.
  int64_t Elements() const;
  // OK if static, of bounded rank, with non-negative dimensions whose product does not exceed
  // kMaxElements.
  absl::Status Check() const;
  // "[1, 16, 28, 28]"; a dynamic dimension reads "N".
  std::string ToString() const;

  bool operator==(const Shape&) const = default;

 private:
  std::vector<int64_t> dims_;
};

// The product of sizes, 1 of none. Requires that it is bounded, as that of a checked shape is.
int64_t Product(absl::Span<const int64_t> sizes);

// The shape that numpy broadcasting gives; INVALID_ARGUMENT when the two do not fit.
absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b);

// Maps an axis in [-rank, rank) to [0, rank); INVALID_ARGUMENT outside.
absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_SHAPE_H_
