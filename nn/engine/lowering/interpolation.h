#ifndef HALFTONE_NN_ENGINE_LOWERING_INTERPOLATION_H_
#define HALFTONE_NN_ENGINE_LOWERING_INTERPOLATION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/program.h"

// Reading images between their elements, at positions that are computed while a program runs. All
// is written in ops, so that it has derivatives in the image and in the positions.
namespace halftone {

// One element that each position takes along an axis: its index, and its weight.
struct AxisTap {
  ValueId index = kNoValue;   // whole numbers that lie on the axis
  ValueId weight = kNoValue;  // kNoValue: 1
};
using AxisTaps = std::vector<AxisTap>;

// A short way to write down arithmetic; the first error stays, and what follows it is kNoValue.
class Arithmetic {
 public:
  explicit Arithmetic(ProgramBuilder& builder) : builder_(builder) {}

  ValueId Number(float value) { return builder_.AddScalar(value); }
  ValueId Add(ValueId a, ValueId b);
  ValueId Sub(ValueId a, ValueId b);
  ValueId Mul(ValueId a, ValueId b);
  ValueId Linear(ValueId src, float factor, float summand);
  ValueId Floor(ValueId src);
  ValueId Round(ValueId src);  // half to even
  ValueId Abs(ValueId src);
  ValueId Clamp(ValueId src, float lower, float upper);
  ValueId AtLeast(ValueId a, float bound);  // 1 where it holds, else 0
  ValueId AtMost(ValueId a, float bound);

  const absl::Status& status() const { return status_; }

 private:
  ValueId Keep(absl::StatusOr<ValueId> value);

  ProgramBuilder& builder_;
  absl::Status status_;
};

// [N, C, spatial...] -> [N, spatial..., C], and the other way.
absl::StatusOr<ValueId> ChannelsLast(ProgramBuilder& builder, ValueId src);
absl::StatusOr<ValueId> ChannelsSecond(ProgramBuilder& builder, ValueId src);

// `image` [B, D1, .., Dk, C] at every position: for each of the k axes, taps whose values are
// [B, P]. The results [B, P, C] of all combinations of taps, times their weights.
absl::StatusOr<std::vector<ValueId>> ReadTaps(ProgramBuilder& builder, ValueId image,
                                              absl::Span<const AxisTaps> axes);
// Their sum.
absl::StatusOr<ValueId> Interpolate(ProgramBuilder& builder, ValueId image,
                                    absl::Span<const AxisTaps> axes);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LOWERING_INTERPOLATION_H_
