#include "nn/graph/operators/unpooling.h"

#include <array>
#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

// Operators that put pooled values, or blocks, back to where they came from.
namespace halftone {
namespace {

constexpr int64_t kMaxMove = int64_t{1} << 24;

// `count` numbers from `least` on.
absl::StatusOr<std::vector<int64_t>> NumbersFrom(const Node& node, absl::string_view attribute,
                                                 size_t count, int64_t fallback, int64_t least) {
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> values,
                      node.Ints(attribute, std::vector<int64_t>(count, fallback)));
  bool fits = values.size() == count;
  for (const int64_t value : values) fits = fits && value >= least && value <= kMaxMove;
  if (fits) return values;
  return absl::InvalidArgumentError(
      absl::StrCat("attribute '", attribute, "' is not ", count, " numbers from ", least, " on"));
}

absl::StatusOr<ValueInfos> InferMaxUnpool(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(0));
  HT_ASSIGN_OR_RETURN(const ValueInfo indices, context.Input(1));
  HT_ASSIGN_OR_RETURN(const Shape pooled, PooledFrom(context));
  if (indices.shape != info.shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("indices ", indices.shape.ToString(), " for ", info.shape.ToString()));
  }
  info.shape = pooled;
  HT_ASSIGN_OR_RETURN(const auto asked, context.ConstantInts(2, "output_shape"));
  if (!asked.has_value()) return ValueInfos{info};
  info.shape = Shape(*asked);
  bool fits = info.shape.rank() == pooled.rank();
  for (int axis = 0; fits && axis < pooled.rank(); ++axis) {
    fits = axis < 2 ? info.shape.dim(axis) == pooled.dim(axis)
                    : info.shape.dim(axis) >= pooled.dim(axis);
  }
  if (fits) return ValueInfos{info};
  return absl::InvalidArgumentError(absl::StrCat("an output_shape of ", info.shape.ToString(),
                                                 " for what was ", pooled.ToString()));
}

// (columns [N, C x block, blocks], image, block) -> [N, C, image...]
absl::StatusOr<ValueInfos> InferCol2Im(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const BlockMoves moves, ResolveCol2Im(context));
  const auto product = [](const std::vector<int64_t>& sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
  };
  const int64_t block = product(moves.block), blocks = product(moves.counts);
  if (src.shape.rank() != 3 || src.shape.dim(1) % block != 0 || src.shape.dim(2) != blocks) {
    return absl::InvalidArgumentError(
        absl::StrCat("columns ", src.shape.ToString(), " for ", blocks, " blocks of ", block));
  }
  std::vector<int64_t> dims = {src.shape.dim(0), src.shape.dim(1) / block};
  dims.insert(dims.end(), moves.image.begin(), moves.image.end());
  return ValueInfos{{src.type, Shape(dims)}};
}

constexpr std::array kUnpoolingOperators = {
    Operator{"MaxUnpool", InferMaxUnpool, nullptr, Runs::kNumbers},
    Operator{"Col2Im", InferCol2Im},
};

}  // namespace

absl::StatusOr<Shape> PooledFrom(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  if (src.shape.rank() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("source of shape ", src.shape.ToString(), " has no spatial axes"));
  }
  const auto axes = static_cast<size_t>(src.shape.rank()) - 2;
  HT_ASSIGN_OR_RETURN(const auto kernel, NumbersFrom(context.node, "kernel_shape", axes, 0, 1));
  HT_ASSIGN_OR_RETURN(const auto strides, NumbersFrom(context.node, "strides", axes, 1, 1));
  HT_ASSIGN_OR_RETURN(const auto pads, NumbersFrom(context.node, "pads", 2 * axes, 0, 0));
  Shape pooled = src.shape;
  for (size_t i = 0; i < axes; ++i) {
    const int axis = static_cast<int>(i) + 2;
    if (src.shape.dim(axis) > kMaxMove) {
      return absl::InvalidArgumentError(absl::StrCat(src.shape.dim(axis), " windows"));
    }
    const int64_t size =
        (src.shape.dim(axis) - 1) * strides[i] + kernel[i] - pads[i] - pads[i + axes];
    if (size < 1) return absl::InvalidArgumentError("its pads leave nothing");
    pooled.set_dim(axis, size);
  }
  HT_RETURN_IF_ERROR(pooled.Check());
  return pooled;
}

absl::StatusOr<BlockMoves> ResolveCol2Im(const NodeContext& context) {
  BlockMoves moves;
  HT_ASSIGN_OR_RETURN(moves.image, context.RequiredInts(1, "image_shape"));
  HT_ASSIGN_OR_RETURN(moves.block, context.RequiredInts(2, "block_shape"));
  const size_t axes = moves.image.size();
  HT_ASSIGN_OR_RETURN(moves.dilations, NumbersFrom(context.node, "dilations", axes, 1, 1));
  HT_ASSIGN_OR_RETURN(moves.strides, NumbersFrom(context.node, "strides", axes, 1, 1));
  HT_ASSIGN_OR_RETURN(const auto pads, NumbersFrom(context.node, "pads", 2 * axes, 0, 0));
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(axes);
  moves.pads_begin.assign(pads.begin(), middle);
  moves.pads_end.assign(middle, pads.end());
  bool fits = axes >= 1 && axes <= 3 && moves.block.size() == axes;
  int64_t blocks = 1, block = 1, elements = 1;
  for (size_t i = 0; fits && i < axes; ++i) {
    fits = moves.image[i] >= 1 && moves.image[i] <= kMaxMove && moves.block[i] >= 1 &&
           moves.block[i] <= kMaxMove;
    if (!fits) break;
    const int64_t padded = moves.image[i] + moves.pads_begin[i] + moves.pads_end[i];
    const int64_t left = padded - (moves.dilations[i] * (moves.block[i] - 1) + 1);
    moves.counts.push_back(left / moves.strides[i] + 1);
    fits = left >= 0 && moves.counts[i] <= kMaxMove / blocks &&
           moves.block[i] <= kMaxMove / block && padded <= Shape::kMaxElements / elements;
    blocks *= moves.counts[i];
    block *= moves.block[i];
    elements *= padded;
  }
  if (fits) return moves;
  return absl::InvalidArgumentError("its blocks do not fit its image");
}

absl::Span<const Operator> UnpoolingOperators() { return kUnpoolingOperators; }

}  // namespace halftone
