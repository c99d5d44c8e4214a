#ifndef HALFTONE_NN_ENGINE_OPS_QUANTIZE_H_
#define HALFTONE_NN_ENGINE_OPS_QUANTIZE_H_

#include <string>
#include <utility>
#include <vector>

#include "nn/engine/op.h"
#include "nn/graph/narrow_float.h"
#include "nn/quant/uniform.h"

namespace halftone {

// Rounds each element to the quantizer's grid: bit for bit what UniformQuantizer::FakeQuantize
// gives. The derivative is the straight-through estimate: that of clamping to the range of the
// grid, [scale * (qmin - zero_point), scale * (qmax - zero_point)], bounds included.
class FakeQuantizeOp final : public Op {
 public:
  explicit FakeQuantizeOp(UniformQuantizer quantizer) : quantizer(std::move(quantizer)) {}
  OpKind kind() const override { return OpKind::kFakeQuantize; }
  std::string name() const override { return "FakeQuantize"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const UniformQuantizer quantizer;
};

// (x, cotangent), same shapes -> cotangent where x lies in the range of the grid, bounds included,
// 0 elsewhere. Its own derivative in x is 0.
class FakeQuantizeGateOp final : public Op {
 public:
  explicit FakeQuantizeGateOp(UniformQuantizer quantizer) : quantizer(std::move(quantizer)) {}
  OpKind kind() const override { return OpKind::kFakeQuantizeGate; }
  std::string name() const override { return "FakeQuantizeGate"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const UniformQuantizer quantizer;
};

// Rounds each element as RoundToBFloat16 does. The derivative is the straight-through estimate: 1.
class RoundToBFloat16Op final : public Op {
 public:
  OpKind kind() const override { return OpKind::kRoundToBFloat16; }
  std::string name() const override { return "RoundToBFloat16"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;
};

// Rounds each element as NarrowFloat::Round does. The derivative is the straight-through estimate:
// 1, as it is of casts to wider floats, which round nothing here.
class RoundToNarrowFloatOp final : public Op {
 public:
  RoundToNarrowFloatOp(const NarrowFloat& format, bool saturate)
      : format(format), saturate(saturate) {}
  OpKind kind() const override { return OpKind::kRoundToNarrowFloat; }
  std::string name() const override { return "RoundToNarrowFloat"; }
  absl::StatusOr<std::vector<Shape>> InferShapes(absl::Span<const Shape> srcs) const override;
  absl::StatusOr<std::vector<ValueId>> Vjp(ProgramBuilder& builder,
                                           const VjpRequest& request) const override;

  const NarrowFloat format;
  const bool saturate;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_OPS_QUANTIZE_H_
