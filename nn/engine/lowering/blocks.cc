#include <array>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"

// Operators that arrange elements in blocks.
namespace halftone {
namespace {

// Elements of the largest mask that is made.
constexpr int64_t kMaxMask = int64_t{1} << 26;

// One axis at a time: [outer, 1, rest] repeated to [outer, repeats, rest].
Values LowerTile(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId dst, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> repeats, lowering.context.RequiredInts(1, "repeats"));
  ProgramBuilder& builder = lowering.builder;
  Shape shape = builder.shape(dst);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int64_t count = repeats[static_cast<size_t>(axis)];
    if (count == 1) continue;
    int64_t outer = 1, rest = 1;
    for (int i = 0; i < axis; ++i) outer *= shape.dim(i);
    for (int i = axis; i < shape.rank(); ++i) rest *= shape.dim(i);
    HT_ASSIGN_OR_RETURN(dst, ops::Reshape(builder, dst, Shape{outer, 1, rest}));
    HT_ASSIGN_OR_RETURN(dst, ops::BroadcastTo(builder, dst, Shape{outer, count, rest}));
    shape.set_dim(axis, shape.dim(axis) * count);
    HT_ASSIGN_OR_RETURN(dst, ops::Reshape(builder, dst, shape));
  }
  return std::vector<ValueId>{dst};
}

// Sees the source as `split`, permutes those axes, and gives the result its shape.
Values Rearrange(const NodeLowering& lowering, const Shape& split, absl::Span<const int> order) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  HT_ASSIGN_OR_RETURN(ValueId blocks, ops::Reshape(lowering.builder, src, split));
  HT_ASSIGN_OR_RETURN(ValueId moved, ops::Transpose(lowering.builder, blocks, order));
  return Single(ops::Reshape(lowering.builder, moved, dst));
}

Values LowerDepthToSpace(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const int64_t size, lowering.node().Int("blocksize", 1));
  const absl::StatusOr<std::string> mode = lowering.node().String("mode", "DCR");
  HT_RETURN_IF_ERROR(mode.status());
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  const int64_t batch = dst.dim(0), channels = dst.dim(1);
  const int64_t height = dst.dim(2) / size, width = dst.dim(3) / size;
  if (*mode == "CRD") {
    return Rearrange(lowering, {batch, channels, size, size, height, width}, {0, 1, 4, 2, 5, 3});
  }
  return Rearrange(lowering, {batch, size, size, channels, height, width}, {0, 3, 4, 1, 5, 2});
}

Values LowerSpaceToDepth(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(const int64_t size, lowering.node().Int("blocksize", 1));
  HT_ASSIGN_OR_RETURN(const Shape dst, lowering.DstShape());
  const int64_t channels = dst.dim(1) / (size * size);
  return Rearrange(lowering, {dst.dim(0), channels, dst.dim(2), size, dst.dim(3), size},
                   {0, 3, 5, 1, 2, 4});
}

// The triangle above or below a diagonal; zeros elsewhere.
Values LowerTrilu(const NodeLowering& lowering) {
  HT_ASSIGN_OR_RETURN(ValueId src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(const int64_t upper, lowering.node().Int("upper", 1));
  HT_ASSIGN_OR_RETURN(const auto given, lowering.context.ConstantInts(1, "diagonal"));
  const int64_t diagonal = given.has_value() ? given->at(0) : 0;
  ProgramBuilder& builder = lowering.builder;
  const Shape& shape = builder.shape(src);
  const int64_t rows = shape.dim(shape.rank() - 2), columns = shape.dim(shape.rank() - 1);
  if (rows * columns > kMaxMask) {
    return absl::UnimplementedError(absl::StrCat("a triangle of ", rows, " x ", columns));
  }
  std::vector<float> mask(static_cast<size_t>(rows * columns));
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t beyond = column - row;
      const bool keeps = upper != 0 ? beyond >= diagonal : beyond <= diagonal;
      mask[static_cast<size_t>(row * columns + column)] = keeps ? 1.0f : 0.0f;
    }
  }
  const ValueId condition =
      builder.AddConstant(Tensor::Of<float>(Shape{rows, columns}, std::move(mask)));
  return Single(ops::Select(builder, condition, src, builder.AddScalar(0.0f)));
}

constexpr std::array kBlockLowerings = {
    Lowering{"Tile", LowerTile},
    Lowering{"DepthToSpace", LowerDepthToSpace},
    Lowering{"SpaceToDepth", LowerSpaceToDepth},
    Lowering{"Trilu", LowerTrilu},
};

}  // namespace

absl::Span<const Lowering> BlockLowerings() { return kBlockLowerings; }

}  // namespace halftone
