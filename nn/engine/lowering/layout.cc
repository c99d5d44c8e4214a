#include <array>
#include <memory>
#include <numeric>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

// Operators that keep every element: reshapes, transpositions, concatenation, repetition.
namespace halftone {
namespace {

Values LowerReshape(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Shape shape, lowering.DstShape());
  return Single(ops::Reshape(lowering.builder, src, shape));
}

Values LowerIdentity(const NodeLowering& lowering) { return Single(lowering.Input(0)); }

// The mask of a Dropout that drops nothing is all ones.
Values LowerDropout(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  std::vector<ValueId> values = {src};
  if (lowering.node().outputs.size() > 1 && !lowering.node().outputs[1].empty()) {
    const ValueId one = lowering.builder.AddScalar(1.0f);
    const Shape shape = lowering.builder.shape(src);
    HT_ASSIGN_OR_RETURN(values.emplace_back(), ops::BroadcastTo(lowering.builder, one, shape));
  }
  return values;
}

Values LowerTranspose(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  std::vector<int64_t> reversed(static_cast<size_t>(lowering.builder.shape(src).rank()));
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> perm, lowering.node().Ints("perm", reversed));
  return Single(ops::Transpose(lowering.builder, src, std::vector<int>(perm.begin(), perm.end())));
}

Values LowerConcat(const NodeLowering& lowering) {
  std::vector<ValueId> srcs;
  for (size_t i = 0; i < lowering.node().inputs.size(); ++i) {
    HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(i));
    srcs.push_back(src);
  }
  if (srcs.empty()) return absl::InvalidArgumentError("no inputs");
  HT_ASSIGN_OR_RETURN(int64_t asked, lowering.node().Int("axis", 0));
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, lowering.builder.shape(srcs[0]).rank()));
  if (srcs.size() == 1) return srcs;
  return Single(lowering.builder.Apply1(std::make_shared<ConcatOp>(axis), srcs));
}

Values LowerExpand(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Shape shape, lowering.DstShape());
  return Single(ops::BroadcastTo(lowering.builder, src, shape));
}

constexpr std::array kLayoutLowerings = {
    Lowering{"Reshape", LowerReshape},     Lowering{"Flatten", LowerReshape},
    Lowering{"Squeeze", LowerReshape},     Lowering{"Unsqueeze", LowerReshape},
    Lowering{"Identity", LowerIdentity},   Lowering{"Dropout", LowerDropout},
    Lowering{"Transpose", LowerTranspose}, Lowering{"Concat", LowerConcat},
    Lowering{"Expand", LowerExpand},
};

}  // namespace

absl::Span<const Lowering> LayoutLowerings() { return kLayoutLowerings; }

}  // namespace halftone
