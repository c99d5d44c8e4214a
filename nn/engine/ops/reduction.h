#ifndef HALFTONE_NN_ENGINE_OPS_REDUCTION_H_
#define HALFTONE_NN_ENGINE_OPS_REDUCTION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/engine/op.h"

namespace halftone {

enum class ReduceFunction : uint8_t {
  kSum,
  kMax,  // equal maxima share the derivative in equal parts
};

// Reduces over `axes` (ascending, without repetition, in [0, rank)), which keep size 1 with
// `keep_dims` and vanish without. No axes: a copy.
class ReduceOp final : public Op {
 public:
  ReduceOp(ReduceFunction function, std::vector<int> axes, bool keep_dims)
      : function(function), axes(std::move(axes)), keep_dims(keep_dims) {}
  OpKind kind() const override { return OpKind::kReduce; }
  std::string name() const override {
    return function == ReduceFunction::kSum ? "Reduce.Sum" : "Reduce.Max";
  }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const ReduceFunction function;
  const std::vector<int> axes;
  const bool keep_dims;
};

// Repeats src to `shape`, by numpy's rules.
class BroadcastToOp final : public Op {
 public:
  explicit BroadcastToOp(Shape shape) : shape(std::move(shape)) {}
  OpKind kind() const override { return OpKind::kBroadcastTo; }
  std::string name() const override { return "BroadcastTo"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const Shape shape;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_REDUCTION_H_
