#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/einsum.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/operators/strided.h"

// Operators that arrange elements in blocks: repetition, space and depth, triangles, products of
// labelled axes.
namespace halftone {
namespace {

absl::StatusOr<ValueInfos> InferTile(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo dst, context.Input(0));
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> repeats, context.RequiredInts(1, "repeats"));
  if (repeats.size() != dst.shape.dims().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(repeats.size(), " repeats for ", dst.shape.ToString()));
  }
  for (int axis = 0; axis < dst.shape.rank(); ++axis) {
    const int64_t count = repeats[static_cast<size_t>(axis)];
    if (count < 0 || count > Shape::kMaxElements) {
      return absl::InvalidArgumentError(absl::StrCat(count, " repeats"));
    }
    const int64_t size = dst.shape.dim(axis);
    if (size > 0 && count > Shape::kMaxElements / size) {
      return absl::InvalidArgumentError(absl::StrCat(count, " repeats of ", size, " elements"));
    }
    dst.shape.set_dim(axis, size * count);
  }
  return ValueInfos{dst};
}

// By interleaving [repeats, sizes] and broadcasting, with at most half the axes that shapes have.
absl::StatusOr<Tensors> EvaluateTile(const NodeContext& context,
                                     absl::Span<const ValueInfo> infos) {
  const Tensor& src = *context.constants[0];
  if (2 * src.shape().rank() > Shape::kMaxRank) {
    return absl::UnimplementedError("repeating that many axes");
  }
  HT_ASSIGN_OR_RETURN(std::vector<int64_t> repeats, context.RequiredInts(1, "repeats"));
  std::vector<int64_t> from, to;
  for (int axis = 0; axis < src.shape().rank(); ++axis) {
    from.insert(from.end(), {1, src.shape().dim(axis)});
    to.insert(to.end(), {repeats[static_cast<size_t>(axis)], src.shape().dim(axis)});
  }
  return Tensors{BroadcastTo(src.Reshaped(Shape(from)), Shape(to)).Reshaped(infos[0].shape)};
}

// The block size of DepthToSpace and SpaceToDepth on a source [N, C, H, W].
absl::StatusOr<int64_t> BlockSize(const NodeContext& context, const Shape& src) {
  HT_ASSIGN_OR_RETURN(int64_t size, context.node.Int("blocksize", 0));
  if (size < 1 || size > (1 << 15) || src.rank() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("blocks of size ", size, " in a source ", src.ToString()));
  }
  return size;
}

absl::StatusOr<ValueInfos> InferDepthToSpace(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t size, BlockSize(context, src.shape));
  HT_ASSIGN_OR_RETURN(std::string mode, context.node.String("mode", "DCR"));
  const int64_t channels = src.shape.dim(1);
  if (channels % (size * size) != 0 || (mode != "DCR" && mode != "CRD")) {
    return absl::InvalidArgumentError(
        absl::StrCat(channels, " channels in blocks of ", size, " in mode '", mode, "'"));
  }
  const Shape shape = {src.shape.dim(0), channels / (size * size), src.shape.dim(2) * size,
                       src.shape.dim(3) * size};
  return ValueInfos{{src.type, shape}};
}

absl::StatusOr<ValueInfos> InferSpaceToDepth(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(int64_t size, BlockSize(context, src.shape));
  HT_ASSIGN_OR_RETURN(std::string mode, context.node.String("mode", "DCR"));
  if (mode != "DCR") return absl::UnimplementedError(absl::StrCat("mode '", mode, "'"));
  if (src.shape.dim(2) % size != 0 || src.shape.dim(3) % size != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("source ", src.shape.ToString(), " in blocks of ", size));
  }
  const Shape shape = {src.shape.dim(0), src.shape.dim(1) * size * size, src.shape.dim(2) / size,
                       src.shape.dim(3) / size};
  return ValueInfos{{src.type, shape}};
}

absl::StatusOr<ValueInfos> InferTrilu(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(auto diagonal, context.ConstantInts(1, "diagonal"));
  if (src.shape.rank() < 2 || (diagonal.has_value() && diagonal->size() != 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "source ", src.shape.ToString(), " has no diagonal, or more than one is asked for"));
  }
  HT_RETURN_IF_ERROR(context.node.Int("upper", 1).status());
  return ValueInfos{src};
}

absl::StatusOr<ValueInfos> InferEinsum(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(EinsumTerms terms, ResolveEinsum(context));
  std::vector<int64_t> dims;
  for (const int label : terms.output) dims.push_back(terms.sizes.at(label));
  return ValueInfos{{context.infos[0]->type, Shape(dims)}};
}

constexpr std::array kBlockOperators = {
    Operator{"Tile", InferTile, EvaluateTile, Runs::kAnything},
    Operator{"DepthToSpace", InferDepthToSpace, nullptr, Runs::kAnything},
    Operator{"SpaceToDepth", InferSpaceToDepth, nullptr, Runs::kAnything},
    Operator{"Trilu", InferTrilu, nullptr, Runs::kAnything},
    Operator{"Einsum", InferEinsum, nullptr, Runs::kNumbers},
};

}  // namespace

absl::Span<const Operator> BlockOperators() { return kBlockOperators; }

}  // namespace halftone
