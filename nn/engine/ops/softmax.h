#ifndef HALFTONE_NN_ENGINE_OPS_SOFTMAX_H_
#define HALFTONE_NN_ENGINE_OPS_SOFTMAX_H_

#include <string>
#include <vector>

#include "nn/engine/op.h"

namespace halftone {

// exp(x) / sum(exp(x)) along `axis`, or its logarithm; computed with the maximum taken off first.
class SoftmaxOp final : public Op {
 public:
  SoftmaxOp(int axis, bool logarithm) : axis(axis), logarithm(logarithm) {}
  OpKind kind() const override { return OpKind::kSoftmax; }
  std::string name() const override { return logarithm ? "LogSoftmax" : "Softmax"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const int axis;
  const bool logarithm;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_SOFTMAX_H_
