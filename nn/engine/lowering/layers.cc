#include <array>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/gather.h"
#include "nn/graph/layer.h"
#include "nn/graph/window.h"

// The quantizable layers: Conv, Gemm, MatMul, and embeddings.
namespace halftone {
namespace {

absl::StatusOr<ValueId> LowerConv(ProgramBuilder& builder, const Node& node,
                                  const LayerSources& sources, ValueId bias) {
  const Shape src = builder.shape(sources.src), weights = builder.shape(sources.weights);
  if (weights.rank() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("weights ", weights.ToString(), " have no spatial axes"));
  }
  HT_ASSIGN_OR_RETURN(const Window window,
                      ResolveWindow(node, src, absl::MakeConstSpan(weights.dims()).subspan(2)));
  HT_ASSIGN_OR_RETURN(const int64_t groups, node.Int("group", 1));
  return Convolve(builder,
                  {window.strides, window.dilations, window.pads_begin, window.pads_end, groups},
                  sources.src, sources.weights, bias);
}

// alpha op(A) op(B) + beta C.
absl::StatusOr<ValueId> LowerGemm(ProgramBuilder& builder, const Node& node,
                                  const LayerSources& sources, ValueId bias) {
  HT_ASSIGN_OR_RETURN(const float alpha, node.Float("alpha", 1.0f));
  HT_ASSIGN_OR_RETURN(const float beta, node.Float("beta", 1.0f));
  HT_ASSIGN_OR_RETURN(const int64_t transpose_a, node.Int("transA", 0));
  HT_ASSIGN_OR_RETURN(const int64_t transpose_b, node.Int("transB", 0));
  HT_ASSIGN_OR_RETURN(ValueId product, ops::MatMul(builder, sources.src, sources.weights,
                                                   transpose_a != 0, transpose_b != 0));
  HT_ASSIGN_OR_RETURN(ValueId dst, ops::Scale(builder, product, alpha));
  if (bias == kNoValue || beta == 0.0f) return dst;
  HT_ASSIGN_OR_RETURN(ValueId scaled_bias, ops::Scale(builder, bias, beta));
  return ops::Add(builder, dst, scaled_bias);
}

// numpy's matmul: a vector is a row on the left and a column on the right.
absl::StatusOr<ValueId> LowerMatMul(ProgramBuilder& builder, const LayerSources& sources) {
  const Shape left = builder.shape(sources.src), right = builder.shape(sources.weights);
  if (left.rank() == 0 || right.rank() == 0) {
    return absl::InvalidArgumentError("a source of MatMul is a scalar");
  }
  ValueId a = sources.src, b = sources.weights;
  if (left.rank() == 1) {
    HT_ASSIGN_OR_RETURN(a, ops::Reshape(builder, a, Shape{1, left.dim(0)}));
  }
  if (right.rank() == 1) {
    HT_ASSIGN_OR_RETURN(b, ops::Reshape(builder, b, Shape{right.dim(0), 1}));
  }
  // One product over all rows is faster than one for each leading index.
  if (left.rank() > 2 && right.rank() == 2 && left.Elements() > 0) {
    const int64_t inner = left.dim(left.rank() - 1);
    HT_ASSIGN_OR_RETURN(a, ops::Reshape(builder, a, Shape{left.Elements() / inner, inner}));
  }
  HT_ASSIGN_OR_RETURN(ValueId product, ops::MatMul(builder, a, b));
  std::vector<int64_t> dims = builder.shape(product).dims();
  if (left.rank() > 2 && right.rank() == 2) {
    dims.assign(left.dims().begin(), left.dims().end() - 1);
    dims.push_back(right.dim(1));
  }
  if (right.rank() == 1) dims.pop_back();
  if (left.rank() == 1) dims.erase(dims.end() - (right.rank() == 1 ? 1 : 2));
  return ops::Reshape(builder, product, Shape(dims));
}

// Rows of the table, which is the first source of a Gather, of any number of indices.
absl::StatusOr<ValueId> LowerEmbedding(ProgramBuilder& builder, const LayerSources& sources) {
  const ValueId table = sources.src;
  const Shape shape = builder.shape(sources.weights);
  HT_ASSIGN_OR_RETURN(const ValueId indices,
                      ops::Reshape(builder, sources.weights, Shape{shape.Elements()}));
  HT_ASSIGN_OR_RETURN(const ValueId rows,
                      builder.Apply1(std::make_shared<GatherOp>(0), {table, indices}));
  std::vector<int64_t> dims = shape.dims();
  dims.push_back(builder.shape(table).dim(1));
  return ops::Reshape(builder, rows, Shape(dims));
}

}  // namespace

Values LowerLayerNode(const NodeLowering& lowering) {
  LayerSources sources;
  HT_ASSIGN_OR_RETURN(sources.src, lowering.Input(0));
  HT_ASSIGN_OR_RETURN(sources.weights, lowering.Input(1));
  ValueId bias = kNoValue;
  if (lowering.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(bias, lowering.Input(2));
  }
  if (lowering.options.lower_layer) {
    return Single(lowering.options.lower_layer(lowering.builder, lowering.node(), sources, bias));
  }
  return Single(LowerLayer(lowering.builder, lowering.graph, lowering.node(), sources, bias));
}

namespace {

constexpr std::array kLayerLowerings = {
    Lowering{"Conv", LowerLayerNode},
    Lowering{"Gemm", LowerLayerNode},
    Lowering{"MatMul", LowerLayerNode},
};

}  // namespace

absl::Span<const Lowering> LayerLowerings() { return kLayerLowerings; }

absl::StatusOr<ValueId> LowerLayer(ProgramBuilder& builder, const Graph& graph, const Node& node,
                                   LayerSources sources, ValueId bias) {
  builder.SetLabel(node.name);
  if (node.op == "Conv") return LowerConv(builder, node, sources, bias);
  if (node.op == "Gemm") return LowerGemm(builder, node, sources, bias);
  if (node.op == "MatMul") return LowerMatMul(builder, sources);
  if (IsEmbedding(graph, node)) return LowerEmbedding(builder, sources);
  return absl::InvalidArgumentError(
      absl::StrCat("node '", node.name, "' (", node.op, ") is not a layer"));
}

}  // namespace halftone
