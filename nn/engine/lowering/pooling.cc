#include "nn/engine/ops/pooling.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/graph/window.h"

namespace halftone {
namespace {

using Values = absl::StatusOr<std::vector<ValueId>>;

PoolWindow WithOverhang(const Window& window) {
  PoolWindow pool = {window.kernel, window.strides, window.dilations, window.pads_begin,
                     window.pads_end};
  for (size_t i = 0; i < pool.pads_end.size(); ++i) pool.pads_end[i] += window.overhang[i];
  return pool;
}

// What a mean over the whole kernel must be multiplied with to become the mean over that part of
// it that lies on the padded src, along one spatial axis.
Tensor OverhangCorrection(const Window& window, const Shape& src, size_t axis) {
  const auto windows = static_cast<size_t>(window.dst[axis]);
  const int64_t padded =
      src.dim(static_cast<int>(axis) + 2) + window.pads_begin[axis] + window.pads_end[axis];
  std::vector<float> factors(windows);
  for (size_t i = 0; i < windows; ++i) {
    const int64_t start = static_cast<int64_t>(i) * window.strides[axis];
    const int64_t inside = std::min(window.kernel[axis], padded - start);
    factors[i] = static_cast<float>(window.kernel[axis]) / static_cast<float>(inside);
  }
  Shape shape(std::vector<int64_t>(window.kernel.size(), 1));
  shape.set_dim(static_cast<int>(axis), window.dst[axis]);
  return Tensor::Of(shape, std::move(factors));
}

Values LowerAveragePool(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  const Shape shape = lowering.builder.shape(src);
  HT_ASSIGN_OR_RETURN(const Window window, ResolveWindow(lowering.node(), shape, {}));
  HT_ASSIGN_OR_RETURN(const int64_t count_padding, lowering.node().Int("count_include_pad", 0));
  HT_ASSIGN_OR_RETURN(
      ValueId dst,
      lowering.builder.Apply1(
          std::make_shared<AveragePoolOp>(WithOverhang(window), count_padding != 0), {src}));
  if (count_padding == 0) return std::vector<ValueId>{dst};
  for (size_t axis = 0; axis < window.kernel.size(); ++axis) {
    if (window.overhang[axis] == 0) continue;
    const ValueId factors = lowering.builder.AddConstant(OverhangCorrection(window, shape, axis));
    HT_ASSIGN_OR_RETURN(dst, ops::Mul(lowering.builder, dst, factors));
  }
  return std::vector<ValueId>{dst};
}

Values LowerMaxPool(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Window window,
                      ResolveWindow(lowering.node(), lowering.builder.shape(src), {}));
  return Single(lowering.builder.Apply1(std::make_shared<MaxPoolOp>(WithOverhang(window)), {src}));
}

// A window over all of the spatial axes.
PoolWindow WholeWindow(const Shape& src) {
  const size_t axes = static_cast<size_t>(src.rank()) - 2;
  return {std::vector<int64_t>(src.dims().begin() + 2, src.dims().end()),
          std::vector<int64_t>(axes, 1), std::vector<int64_t>(axes, 1),
          std::vector<int64_t>(axes, 0), std::vector<int64_t>(axes, 0)};
}

Values LowerGlobalPool(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  const Shape shape = lowering.builder.shape(src);
  if (shape.rank() < 3) return std::vector<ValueId>{src};
  const PoolWindow window = WholeWindow(shape);
  if (lowering.node().op == "GlobalMaxPool") {
    return Single(lowering.builder.Apply1(std::make_shared<MaxPoolOp>(window), {src}));
  }
  return Single(lowering.builder.Apply1(
      std::make_shared<AveragePoolOp>(window, /*count_padding=*/false), {src}));
}

constexpr std::array kLowerings = {
    Lowering{"AveragePool", LowerAveragePool},
    Lowering{"MaxPool", LowerMaxPool},
    Lowering{"GlobalAveragePool", LowerGlobalPool},
    Lowering{"GlobalMaxPool", LowerGlobalPool},
};

}  // namespace

absl::Span<const Lowering> PoolingLowerings() { return kLowerings; }

}  // namespace halftone
