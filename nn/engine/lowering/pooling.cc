#include "nn/engine/ops/pooling.h"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/graph/window.h"

namespace halftone {
namespace {

// Of the ones that sum up windows.
constexpr int64_t kMaxKernelElements = int64_t{1} << 24;
// Places are floats, which are exact up to there.
constexpr int64_t kMaxPlaces = int64_t{1} << 24;

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

// The sum under each window: a convolution of every channel with ones.
absl::StatusOr<ValueId> SumWindows(ProgramBuilder& builder, ValueId src, const Window& window) {
  const int64_t channels = builder.shape(src).dim(1);
  std::vector<int64_t> dims = {channels, 1};
  int64_t elements = channels;
  for (const int64_t size : window.kernel) {
    if (size > kMaxKernelElements / std::max<int64_t>(elements, 1)) {
      return absl::UnimplementedError(absl::StrCat("a window of more than ", kMaxKernelElements,
                                                   " elements in ", channels, " channels"));
    }
    elements *= size;
    dims.push_back(size);
  }
  const ValueId ones = builder.AddConstant(
      Tensor::Of<float>(Shape(dims), std::vector<float>(static_cast<size_t>(elements), 1.0f)));
  const PoolWindow pool = WithOverhang(window);
  return Convolve(builder, {pool.strides, pool.dilations, pool.pads_begin, pool.pads_end, channels},
                  src, ones);
}

// What the sum under a window must be multiplied with to become the mean of the elements, along
// one spatial axis: those of src, and of its padding where that counts.
Tensor Reciprocals(const Window& window, const Shape& src, size_t axis, bool count_padding) {
  const int64_t size = src.dim(static_cast<int>(axis) + 2);
  const int64_t begin = count_padding ? -window.pads_begin[axis] : 0;
  const int64_t end = count_padding ? size + window.pads_end[axis] : size;
  std::vector<float> factors(static_cast<size_t>(window.dst[axis]));
  for (size_t i = 0; i < factors.size(); ++i) {
    int64_t at = static_cast<int64_t>(i) * window.strides[axis] - window.pads_begin[axis];
    int64_t counted = 0;
    for (int64_t tap = 0; tap < window.kernel[axis]; ++tap, at += window.dilations[axis]) {
      counted += at >= begin && at < end;
    }
    factors[i] = 1.0f / static_cast<float>(std::max<int64_t>(counted, 1));
  }
  Shape shape(std::vector<int64_t>(window.kernel.size(), 1));
  shape.set_dim(static_cast<int>(axis), window.dst[axis]);
  return Tensor::Of(shape, std::move(factors));
}

// With holes between the elements of a window, which the op for averages does not take.
Values LowerDilatedAverage(ProgramBuilder& builder, ValueId src, const Window& window,
                           bool count_padding) {
  const Shape shape = builder.shape(src);
  HT_ASSIGN_OR_RETURN(ValueId dst, SumWindows(builder, src, window));
  for (size_t axis = 0; axis < window.kernel.size(); ++axis) {
    const ValueId factors = builder.AddConstant(Reciprocals(window, shape, axis, count_padding));
    HT_ASSIGN_OR_RETURN(dst, ops::Mul(builder, dst, factors));
  }
  return std::vector<ValueId>{dst};
}

Values LowerAveragePool(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  const Shape shape = lowering.builder.shape(src);
  HT_ASSIGN_OR_RETURN(const Window window, ResolveWindow(lowering.node(), shape, {}));
  HT_ASSIGN_OR_RETURN(const int64_t count_padding, lowering.node().Int("count_include_pad", 0));
  if (std::any_of(window.dilations.begin(), window.dilations.end(),
                  [](int64_t dilation) { return dilation != 1; })) {
    return LowerDilatedAverage(lowering.builder, src, window, count_padding != 0);
  }
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

// Where each element lies in C order; or where its channel's elements lie with the first spatial
// axis innermost.
absl::StatusOr<ValueId> PlacesOf(ProgramBuilder& builder, ValueId src, bool column_major) {
  const Shape shape = builder.shape(src);
  if (shape.Elements() > kMaxPlaces) {
    return absl::UnimplementedError(absl::StrCat("the places of maxima among ", shape.Elements(),
                                                 " elements (limit ", kMaxPlaces, ")"));
  }
  std::vector<float> places(static_cast<size_t>(shape.Elements()));
  std::iota(places.begin(), places.end(), 0.0f);
  if (!column_major) return builder.AddConstant(Tensor::Of<float>(shape, std::move(places)));
  Shape reversed = shape;
  std::vector<int> order = {0, 1};
  for (int axis = shape.rank() - 1; axis >= 2; --axis) {
    reversed.set_dim(static_cast<int>(order.size()), shape.dim(axis));
    order.push_back(axis);
  }
  return ops::Transpose(builder,
                        builder.AddConstant(Tensor::Of<float>(reversed, std::move(places))), order);
}

Values LowerMaxPool(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Window window,
                      ResolveWindow(lowering.node(), lowering.builder.shape(src), {}));
  const PoolWindow pool = WithOverhang(window);
  HT_ASSIGN_OR_RETURN(const ValueId dst,
                      lowering.builder.Apply1(std::make_shared<MaxPoolOp>(pool), {src}));
  if (lowering.node().outputs.size() < 2) return std::vector<ValueId>{dst};
  HT_ASSIGN_OR_RETURN(const int64_t column_major, lowering.node().Int("storage_order", 0));
  HT_ASSIGN_OR_RETURN(const ValueId places, PlacesOf(lowering.builder, src, column_major != 0));
  HT_ASSIGN_OR_RETURN(
      const ValueId indices,
      lowering.builder.Apply1(std::make_shared<MaxPoolGatherOp>(pool), {places, src}));
  return std::vector<ValueId>{dst, indices};
}

// sum^(1/p), with the derivative 0 where the sum is 0: the root is taken of 1 there, so that no
// infinite slope arises.
absl::StatusOr<ValueId> Root(ProgramBuilder& builder, ValueId sum, float p) {
  const ValueId zero = builder.AddScalar(0.0f), one = builder.AddScalar(1.0f);
  HT_ASSIGN_OR_RETURN(ValueId vanishes, ops::Binary(builder, BinaryFunction::kEqual, sum, zero));
  HT_ASSIGN_OR_RETURN(ValueId positive, ops::Select(builder, vanishes, one, sum));
  HT_ASSIGN_OR_RETURN(ValueId root,
                      ops::Unary(builder, UnaryFunction::kPower, positive, 1.0f, 1 / p));
  return ops::Select(builder, vanishes, zero, root);
}

// (sum of |x|^p)^(1/p)
Values LowerLpPool(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const int64_t p, lowering.node().Int("p", 2));
  if (p < 1) return absl::InvalidArgumentError(absl::StrCat("a norm of order ", p));
  ProgramBuilder& builder = lowering.builder;
  HT_ASSIGN_OR_RETURN(const Window window, ResolveWindow(lowering.node(), builder.shape(src), {}));
  const auto order = static_cast<float>(p);
  HT_ASSIGN_OR_RETURN(ValueId power, ops::Unary(builder, UnaryFunction::kAbs, src));
  if (p == 1) return Single(SumWindows(builder, power, window));
  HT_ASSIGN_OR_RETURN(power, ops::Unary(builder, UnaryFunction::kPower, power, 1.0f, order));
  HT_ASSIGN_OR_RETURN(ValueId sum, SumWindows(builder, power, window));
  return Single(Root(builder, sum, order));
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

constexpr std::array kPoolingLowerings = {
    Lowering{"AveragePool", LowerAveragePool},  Lowering{"LpPool", LowerLpPool},
    Lowering{"MaxPool", LowerMaxPool},          Lowering{"GlobalAveragePool", LowerGlobalPool},
    Lowering{"GlobalMaxPool", LowerGlobalPool},
};

}  // namespace

absl::Span<const Lowering> PoolingLowerings() { return kPoolingLowerings; }

}  // namespace halftone
