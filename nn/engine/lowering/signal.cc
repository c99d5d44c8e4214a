#include "nn/graph/operators/signal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numbers>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/shape_ops.h"

// Fourier transforms, as products with matrices.
namespace halftone {
namespace {

// Elements of a transform's matrix.
constexpr int64_t kMaxMatrix = int64_t{1} << 26;

// What a frequency of one side counts for: itself, and its mirror image on the other one.
double WeightOf(const FourierTransform& transform, int64_t frequency) {
  const bool has_image = frequency > 0 && 2 * frequency != transform.length;
  return transform.of_one_side && has_image ? 2 : 1;
}

// [samples x parts, results x their parts]: what each part of a sample adds to each result's.
absl::StatusOr<ValueId> FourierMatrix(ProgramBuilder& builder, const FourierTransform& transform,
                                      int64_t samples) {
  const int64_t rows = samples * transform.parts;
  const int64_t columns = transform.results * transform.result_parts;
  if (rows > kMaxMatrix / columns) {
    return absl::UnimplementedError(absl::StrCat("a transform of ", samples, " samples to ",
                                                 transform.results, " frequencies"));
  }
  std::vector<float> matrix(static_cast<size_t>(rows * columns));
  const double scale = transform.inverse ? 1 / static_cast<double>(transform.length) : 1;
  const double direction = transform.inverse ? 1 : -1;
  float* next = matrix.data();
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t sample = row / transform.parts;
    const bool is_imaginary = row % transform.parts == 1;
    for (int64_t k = 0; k < transform.results; ++k) {
      const auto turn = static_cast<double>(sample * k % transform.length);
      const double angle =
          direction * 2 * std::numbers::pi * turn / static_cast<double>(transform.length);
      const double weight = scale * WeightOf(transform, sample);
      const double cosine = weight * std::cos(angle), sine = weight * std::sin(angle);
      *next++ = static_cast<float>(is_imaginary ? -sine : cosine);
      if (transform.result_parts == 1) continue;
      *next++ = static_cast<float>(is_imaginary ? cosine : sine);
    }
  }
  return builder.AddConstant(Tensor::Of<float>(Shape{rows, columns}, std::move(matrix)));
}

// [rows, samples, parts] -> [rows, results, 2]
absl::StatusOr<ValueId> Transform(ProgramBuilder& builder, ValueId src,
                                  const FourierTransform& transform) {
  const Shape shape = builder.shape(src);
  HT_ASSIGN_OR_RETURN(const ValueId matrix, FourierMatrix(builder, transform, shape.dim(1)));
  HT_ASSIGN_OR_RETURN(
      src, ops::Reshape(builder, src, Shape{shape.dim(0), shape.dim(1) * transform.parts}));
  HT_ASSIGN_OR_RETURN(const ValueId dst, ops::MatMul(builder, src, matrix));
  return ops::Reshape(builder, dst, Shape{shape.dim(0), transform.results, transform.result_parts});
}

Values LowerDft(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const FourierTransform transform, ResolveDft(lowering.context));
  ProgramBuilder& builder = lowering.builder;
  const int rank = builder.shape(src).rank();
  Shape cut = builder.shape(src);
  // Zeros after the source would add nothing: only its cutting counts.
  const int64_t most = transform.of_one_side ? transform.length / 2 + 1 : transform.length;
  cut.set_dim(transform.axis, std::min(cut.dim(transform.axis), most));
  if (cut != builder.shape(src)) {
    const std::vector<int64_t> starts(static_cast<size_t>(rank), 0), steps(starts.size(), 1);
    HT_ASSIGN_OR_RETURN(src, builder.Apply1(std::make_shared<SliceOp>(starts, steps, cut), {src}));
  }
  // The axis beside that of the parts, and back.
  std::vector<int> order, back;
  for (int axis = 0; axis + 1 < rank; ++axis) {
    if (axis != transform.axis) order.push_back(axis);
  }
  order.push_back(transform.axis);
  order.push_back(rank - 1);
  for (int axis = 0; axis < rank; ++axis) {
    back.push_back(static_cast<int>(std::find(order.begin(), order.end(), axis) - order.begin()));
  }
  HT_ASSIGN_OR_RETURN(src, ops::Transpose(builder, src, order));
  Shape moved = builder.shape(src);
  const int64_t samples = moved.dim(rank - 2);
  int64_t rows = 1;
  for (int axis = 0; axis + 2 < rank; ++axis) rows *= moved.dim(axis);
  HT_ASSIGN_OR_RETURN(src, ops::Reshape(builder, src, Shape{rows, samples, transform.parts}));
  HT_ASSIGN_OR_RETURN(ValueId dst, Transform(builder, src, transform));
  moved.set_dim(rank - 2, transform.results);
  moved.set_dim(rank - 1, transform.result_parts);
  HT_ASSIGN_OR_RETURN(dst, ops::Reshape(builder, dst, moved));
  return Single(ops::Transpose(builder, dst, back));
}

Values LowerStft(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const FramedTransform framed, ResolveStft(lowering.context));
  ProgramBuilder& builder = lowering.builder;
  const FourierTransform& transform = framed.transform;
  const int64_t batch = builder.shape(src).dim(0), samples = builder.shape(src).dim(1);
  if (framed.frames > kMaxMatrix / transform.length) {
    return absl::UnimplementedError(
        absl::StrCat(framed.frames, " frames of ", transform.length, " samples"));
  }
  std::vector<int64_t> indices;
  for (int64_t frame = 0; frame < framed.frames; ++frame) {
    for (int64_t i = 0; i < transform.length; ++i) indices.push_back(frame * framed.step + i);
  }
  HT_ASSIGN_OR_RETURN(src, ops::Reshape(builder, src, Shape{batch, samples, transform.parts}));
  HT_ASSIGN_OR_RETURN(
      src, builder.Apply1(std::make_shared<IndexSelectOp>(1, std::move(indices)), {src}));
  HT_ASSIGN_OR_RETURN(
      src,
      ops::Reshape(builder, src, Shape{batch * framed.frames, transform.length, transform.parts}));
  if (lowering.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(ValueId window, lowering.Input(2));
    HT_ASSIGN_OR_RETURN(window, ops::Reshape(builder, window, Shape{transform.length, 1}));
    HT_ASSIGN_OR_RETURN(src, ops::Mul(builder, src, window));
  }
  HT_ASSIGN_OR_RETURN(const ValueId dst, Transform(builder, src, transform));
  return Single(ops::Reshape(builder, dst, Shape{batch, framed.frames, transform.results, 2}));
}

constexpr std::array kSignalLowerings = {
    Lowering{"DFT", LowerDft},
    Lowering{"STFT", LowerStft},
};

}  // namespace

absl::Span<const Lowering> SignalLowerings() { return kSignalLowerings; }

}  // namespace halftone
