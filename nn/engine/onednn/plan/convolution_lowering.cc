#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/layer_parts.h"
#include "nn/engine/onednn/step_work.h"
#include "nn/graph/window.h"

namespace halftone::plan {
namespace {

using dnnl::memory;

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
  HT_ASSIGN_OR_RETURN(const LayerWeights weights, WeightsFor(builder, context));
  HT_ASSIGN_OR_RETURN(const Instance src, builder.Need(layer.src, context.precision.src,
                                                       Arrangement::kChannelsLast, layer.name));
  LayerGeometry layer_geometry;
  layer_geometry.weights_scale_mask = layer.groups > 1 ? 3 : 1;
  layer_geometry.dst_dims = DimsOf(builder.shape(op.dst));
  HT_ASSIGN_OR_RETURN(LayerAttributes attributes,
                      MakeAttributes(builder, context, src, layer_geometry, weights.scales));
  const Instance dst = DefineDst(builder, context, attributes,
                                 ActivationDesc(builder.shape(op.dst), context.dst_form.type));
  const dnnl::memory bias = FloatConstant(weights.bias);
  const dnnl::convolution_forward::primitive_desc desc(
      CpuEngine(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      src.desc, AnyDesc(geometry.weights, WeightsType(arithmetic)), bias.get_desc(), dst.desc,
      geometry.strides, geometry.dilations, geometry.pads_begin, geometry.pads_end,
      attributes.attr);
  const double taps = static_cast<double>(layer.weights_shape.Elements()) /
                      static_cast<double>(layer.weights_shape.dim(0));
  HT_RETURN_IF_ERROR(Annotate(
      CheckStepWork(WorkOf(desc, taps * static_cast<double>(builder.shape(op.dst).Elements()))),
      absl::StrCat("layer '", layer.name, "'")));
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

}  // namespace halftone::plan
