#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/attributes.h"
#include "nn/engine/onednn/plan/layer_weights.h"
#include "nn/engine/onednn/plan/lowering.h"
#include "nn/graph/window.h"

namespace halftone::plan {
namespace {

using dnnl::memory;

DataKind WeightsType(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kInt8:
      return DataKind::s8;
    case Arithmetic::kBFloat16:
      return DataKind::bf16;
    case Arithmetic::kFloat32:
      return DataKind::f32;
  }
  return DataKind::f32;
}

Precision Executed(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kInt8:
      return Precision::Int(8, 8);
    case Arithmetic::kBFloat16:
      return {{NumberFormat::Kind::kBFloat16, 16}, {NumberFormat::Kind::kBFloat16, 16}};
    case Arithmetic::kFloat32:
      return Precision::Float32();
  }
  return Precision::Float32();
}

MemoryDesc RowDesc(const memory::dims& dims, DataKind type) {
  memory::dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return MemoryDesc(dims, type, strides);
}

MemoryDesc AnyDesc(const memory::dims& dims, DataKind type) {
  return MemoryDesc(dims, type, memory::format_tag::any);
}

PlanStep LayerInfo(const LoweringContext& context, std::string key) {
  PlanStep info;
  info.kind = PlanStep::Kind::kLayer;
  info.name = context.op->layer->name;
  info.executed_as = Executed(context.precision.arithmetic);
  info.key = std::move(key);
  return info;
}

// Placeholders of the right sizes where the plan only describes.
absl::StatusOr<LayerWeights> WeightsFor(const PlanBuilder& builder, const Node& node,
                                        const Layer& layer, Arithmetic arithmetic,
                                        const LayerQuantizers* quantizers) {
  if (!builder.describes()) {
    return PrepareWeights(builder.graph(), node, layer, arithmetic, quantizers);
  }
  LayerWeights weights;
  weights.scales.assign(static_cast<size_t>(layer.weights_shape.dim(layer.channel_axis)), 1.0f);
  weights.bias = weights.scales;
  return weights;
}

Argument WeightsArgument(const PlanBuilder& builder, const LayerWeights& weights,
                         const MemoryDesc& plain, const MemoryDesc& wanted) {
  if (builder.describes()) return {};
  return PlanBuilder::Constant(DNNL_ARG_WEIGHTS, ReorderedWeights(weights, plain, wanted));
}

// Where the layer writes: over its residual, or to a buffer of its own.
Instance DefineDst(PlanBuilder& builder, const LoweringContext& context,
                   const LayerAttributes& attributes, Arrangement arrangement) {
  const std::string& dst = context.op->dst;
  const std::string& name = context.op->node->name;
  if (!attributes.in_place) return builder.Define(dst, context.dst_form, arrangement, name);
  const MemoryDesc desc = DescOf(builder.shape(dst), context.dst_form.type, arrangement);
  return builder.DefineIn(dst, attributes.residual, context.dst_form, desc, name);
}

memory::dims DimsOf(const Shape& shape) {
  return memory::dims(shape.dims().begin(), shape.dims().end());
}

struct ConvolutionGeometry {
  memory::dims weights, strides, dilations, pads_begin, pads_end;
};

absl::StatusOr<ConvolutionGeometry> GeometryOf(const Node& node, const Layer& layer,
                                               const Shape& src) {
  ConvolutionGeometry geometry;
  const std::vector<int64_t>& weights = layer.weights_shape.dims();
  const std::vector<int64_t> kernel(weights.begin() + 2, weights.end());
  HT_ASSIGN_OR_RETURN(const Window window, ResolveWindow(node, src, kernel));
  geometry.weights = DimsOf(layer.weights_shape);
  if (layer.groups > 1) {
    geometry.weights[0] /= layer.groups;
    geometry.weights.insert(geometry.weights.begin(), layer.groups);
  }
  geometry.strides = window.strides;
  for (const int64_t dilation : window.dilations) geometry.dilations.push_back(dilation - 1);
  geometry.pads_begin = window.pads_begin;
  geometry.pads_end = window.pads_end;
  return geometry;
}

std::string ConvolutionKey(const ConvolutionGeometry& geometry, const Instance& src,
                           const Instance& dst) {
  return absl::StrCat("conv ", DescKey(src.desc), " ", absl::StrJoin(geometry.weights, "x"), " s",
                      absl::StrJoin(geometry.strides, ","), " d",
                      absl::StrJoin(geometry.dilations, ","), " p",
                      absl::StrJoin(geometry.pads_begin, ","), "-",
                      absl::StrJoin(geometry.pads_end, ","), " -> ", DescKey(dst.desc));
}

}  // namespace

absl::Status LowerConvolution(PlanBuilder& builder, const LoweringContext& context) {
  const PlanOp& op = *context.op;
  const Layer& layer = *op.layer;
  const Arithmetic arithmetic = context.precision.arithmetic;
  HT_ASSIGN_OR_RETURN(const ConvolutionGeometry geometry,
                      GeometryOf(*op.node, layer, builder.shape(layer.src)));
  HT_ASSIGN_OR_RETURN(const LayerWeights weights,
                      WeightsFor(builder, *op.node, layer, arithmetic, context.quantizers));
  HT_ASSIGN_OR_RETURN(const Instance src, builder.Need(layer.src, context.precision.src,
                                                       Arrangement::kChannelsLast, layer.name));
  const LayerGeometry layer_geometry{layer.groups > 1 ? 3 : 1, DimsOf(builder.shape(op.dst)),
                                     Arrangement::kChannelsLast};
  HT_ASSIGN_OR_RETURN(LayerAttributes attributes,
                      MakeAttributes(builder, context, src, layer_geometry, weights.scales));
  const Instance dst = DefineDst(builder, context, attributes, Arrangement::kChannelsLast);
  const dnnl::memory bias = FloatConstant(weights.bias);
  const dnnl::convolution_forward::primitive_desc desc(
      CpuEngine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      src.desc, AnyDesc(geometry.weights, WeightsType(arithmetic)), bias.get_desc(), dst.desc,
      geometry.strides, geometry.dilations, geometry.pads_begin, geometry.pads_end,
      attributes.attr);
  const DataKind plain_type = arithmetic == Arithmetic::kInt8 ? DataKind::s8 : DataKind::f32;
  std::vector<Argument> arguments = std::move(attributes.arguments);
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_SRC, src));
  arguments.push_back(WeightsArgument(builder, weights, RowDesc(geometry.weights, plain_type),
                                      desc.weights_desc()));
  arguments.push_back(PlanBuilder::Constant(DNNL_ARG_BIAS, bias));
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_DST, dst));
  builder.AddPrimitive<dnnl::convolution_forward>(
      LayerInfo(context, ConvolutionKey(geometry, src, dst) + attributes.key), desc,
      std::move(arguments));
  return absl::OkStatus();
}

absl::Status LowerMatMul(PlanBuilder& builder, const LoweringContext& context) {
  const PlanOp& op = *context.op;
  const Layer& layer = *op.layer;
  const Arithmetic arithmetic = context.precision.arithmetic;
  HT_ASSIGN_OR_RETURN(const int64_t transposed, op.node->Int("transB", 0));
  HT_ASSIGN_OR_RETURN(const LayerWeights weights,
                      WeightsFor(builder, *op.node, layer, arithmetic, context.quantizers));
  const bool swap = op.node->op == "Gemm" && transposed != 0;
  const int64_t depth = layer.weights_shape.dim(swap ? 1 : 0);
  const int64_t channels = layer.weights_shape.dim(swap ? 0 : 1);
  const int64_t rows = builder.shape(op.dst).Elements() / channels;
  HT_ASSIGN_OR_RETURN(Instance src, builder.Need(layer.src, context.precision.src,
                                                 Arrangement::kPlain, layer.name));
  src.desc = RowDesc({rows, depth}, src.form.type);
  const LayerGeometry layer_geometry{2, {rows, channels}, Arrangement::kPlain};
  HT_ASSIGN_OR_RETURN(LayerAttributes attributes,
                      MakeAttributes(builder, context, src, layer_geometry, weights.scales));
  Instance dst = DefineDst(builder, context, attributes, Arrangement::kPlain);
  dst.desc = RowDesc({rows, channels}, dst.form.type);
  const dnnl::memory bias = FloatConstant(weights.bias);
  const MemoryDesc bias_desc = RowDesc({1, channels}, DataKind::f32);
  const dnnl::matmul::primitive_desc desc(CpuEngine(), src.desc,
                                          AnyDesc({depth, channels}, WeightsType(arithmetic)),
                                          bias_desc, dst.desc, attributes.attr);
  const DataKind plain_type = arithmetic == Arithmetic::kInt8 ? DataKind::s8 : DataKind::f32;
  const MemoryDesc plain({depth, channels}, plain_type,
                         swap ? memory::dims{1, depth} : memory::dims{channels, 1});
  std::vector<Argument> arguments = std::move(attributes.arguments);
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_SRC, src));
  arguments.push_back(WeightsArgument(builder, weights, plain, desc.weights_desc()));
  Argument bias_argument = PlanBuilder::Constant(DNNL_ARG_BIAS, bias);
  bias_argument.desc = bias_desc;
  arguments.push_back(std::move(bias_argument));
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_DST, dst));
  builder.AddPrimitive<dnnl::matmul>(
      LayerInfo(context, absl::StrCat("matmul ", DescKey(src.desc), " -> ", DescKey(dst.desc),
                                      attributes.key)),
      desc, std::move(arguments));
  return absl::OkStatus();
}

}  // namespace halftone::plan
