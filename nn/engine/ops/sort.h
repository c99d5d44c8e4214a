#ifndef HALFTONE_NN_ENGINE_OPS_SORT_H_
#define HALFTONE_NN_ENGINE_OPS_SORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "nn/engine/op.h"

namespace halftone {

// src [R, S] -> [R, count]: the positions of the `count` first elements of each row in descending
// or ascending order, as floats. Of equal elements the one that comes first is first; NaN is the
// largest. S is at most 2^24. Its derivative is 0: that of the elements is a gather's.
class SortPositionsOp final : public Op {
 public:
  SortPositionsOp(int64_t count, bool descending) : count(count), descending(descending) {}
  OpKind kind() const override { return OpKind::kSortPositions; }
  std::string name() const override { return "SortPositions"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int64_t count;
  const bool descending;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_SORT_H_
