#include "nn/graph/shape.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace halftone {

bool Shape::IsStatic() const {
  return std::none_of(dims_.begin(), dims_.end(), [](int64_t size) { return size < 0; });
}

int64_t Product(absl::Span<const int64_t> sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes) product *= size;
  return product;
}

int64_t Shape::Elements() const { return Product(dims_); }

absl::Status Shape::Check() const {
  if (rank() > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape of rank ", rank(), ", more than ", kMaxRank));
  }
  int64_t product = 1;
  for (const int64_t size : dims_) {
    if (size < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape ", ToString(), " has a dimension that is not known or negative"));
    }
    // A dimension is bounded even beside a zero, so that products of some of them stay bounded.
    if (size > kMaxElements || (size > 0 && product > kMaxElements / size)) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape ", ToString(), " has more than ", kMaxElements, " elements"));
    }
    product *= std::max<int64_t>(size, 1);
  }
  return absl::OkStatus();
}

std::string Shape::ToString() const {
  return absl::StrCat("[",
                      absl::StrJoin(dims_, ", ",
                                    [](std::string* out, int64_t size) {
                                      if (size == kDynamic) {
                                        absl::StrAppend(out, "N");
                                      } else {
                                        absl::StrAppend(out, size);
                                      }
                                    }),
                      "]");
}

absl::StatusOr<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> dims(static_cast<size_t>(rank), 1);
  for (int axis = 0; axis < rank; ++axis) {
    const int in_a = axis - (rank - a.rank());
    const int in_b = axis - (rank - b.rank());
    const int64_t size_a = in_a < 0 ? 1 : a.dim(in_a);
    const int64_t size_b = in_b < 0 ? 1 : b.dim(in_b);
    if (size_a != size_b && size_a != 1 && size_b != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("shapes ", a.ToString(), " and ", b.ToString(), " do not broadcast"));
    }
    dims[static_cast<size_t>(axis)] = size_a == 1 ? size_b : size_a;
  }
  return Shape(dims);
}

absl::StatusOr<int> NormalizeAxis(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", axis, " is outside of a tensor of rank ", rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace halftone
