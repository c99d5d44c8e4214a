#include "nn/engine/onednn/plan/layer_parts.h"

#include <utility>

namespace halftone::plan {

using dnnl::memory;

DataKind WeightsType(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kInt8:
    case Arithmetic::kDecompress8:
      return DataKind::s8;
    case Arithmetic::kDecompress4:
      return DataKind::s4;
    case Arithmetic::kBFloat16:
      return DataKind::bf16;
    case Arithmetic::kRounded:
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
    case Arithmetic::kDecompress8:
      return {Precision::Int(8, 8).weights, Precision::Float32().activations};
    case Arithmetic::kDecompress4:
      return {Precision::Int(4, 4).weights, Precision::Float32().activations};
    case Arithmetic::kRounded:
    case Arithmetic::kFloat32:
      return Precision::Float32();
  }
  return Precision::Float32();
}

memory::dims DimsOf(const Shape& shape) {
  return memory::dims(shape.dims().begin(), shape.dims().end());
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

absl::StatusOr<LayerWeights> WeightsFor(const PlanBuilder& builder,
                                        const LoweringContext& context) {
  const PlanOp& op = *context.op;
  if (!builder.describes()) {
    return PrepareWeights(builder.graph(), *op.node, *op.layer, op.bias,
                          context.precision.arithmetic, context.quantizers);
  }
  LayerWeights weights;
  const int64_t channels = op.layer->Channels();
  weights.scales.assign(static_cast<size_t>(channels), 1.0f);
  weights.bias = weights.scales;
  return weights;
}

Argument WeightsArgument(const PlanBuilder& builder, const LayerWeights& weights,
                         const MemoryDesc& plain, const MemoryDesc& wanted) {
  if (builder.describes()) return {};
  return PlanBuilder::Constant(DNNL_ARG_WEIGHTS, ReorderedWeights(weights, plain, wanted));
}

Instance DefineDst(PlanBuilder& builder, const LoweringContext& context,
                   const LayerAttributes& attributes, const MemoryDesc& desc) {
  const std::string& dst = context.op->dst;
  const std::string& name = context.op->node->name;
  if (!attributes.in_place) return builder.Define(dst, context.dst_form, desc, name);
  return builder.DefineIn(dst, attributes.residual, context.dst_form, desc, name);
}

}  // namespace halftone::plan
