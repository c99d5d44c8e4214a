#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/layer_parts.h"
#include "nn/engine/onednn/plan/view.h"

namespace halftone::plan {
namespace {

using dnnl::memory;

// An operand with axes of size 1 before its own, so that both have the same number of them. The
// stride of a leading axis of size 1 means nothing, yet some kernels with post-ops go wrong where
// it lies inside the tensor.
MemoryDesc WithRank(const MemoryDesc& desc, size_t rank) {
  memory::dims dims = desc.get_dims(), strides = desc.get_strides();
  int64_t extent = 1;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    extent = std::max(extent, dims[axis] * strides[axis]);
  }
  for (size_t axis = 0; axis + 2 < dims.size() && dims[axis] == 1; ++axis) strides[axis] = extent;
  if (dims.size() < rank) {
    dims.insert(dims.begin(), rank - dims.size(), 1);
    strides.insert(strides.begin(), rank - strides.size(), extent);
  }
  return MemoryDesc(dims, desc.get_data_type(), strides);
}

// A dense tensor whose axes lie in memory as `order` says, from the outermost; C order if empty.
MemoryDesc OrderedDesc(const Shape& shape, DataKind type, const std::vector<int64_t>& order) {
  if (order.empty()) return PlainDesc(shape, type);
  memory::dims strides(order.size(), 1);
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    strides[static_cast<size_t>(order[i])] = stride;
    stride *= shape.dim(static_cast<int>(order[i]));
  }
  return MemoryDesc(DimsOf(shape), type, strides);
}

// Where no optimized kernel writes in the wanted order, the reader transposes.
MemoryDesc ChooseDst(const LoweringContext& context, const Shape& shape, const Instance& src,
                     const Instance& second, const LayerAttributes& attributes) {
  const MemoryDesc plain = PlainDesc(shape, context.dst_form.type);
  if (context.op->dst_order.empty() || !context.op->Residual().empty()) return plain;
  const MemoryDesc ordered = OrderedDesc(shape, context.dst_form.type, context.op->dst_order);
  const dnnl::matmul::primitive_desc desc(CpuEngine(), src.desc, second.desc, ordered,
                                          attributes.attr, /*allow_empty=*/true);
  return desc && !absl::StrContains(desc.impl_info_str(), "ref") ? ordered : plain;
}

}  // namespace

absl::Status LowerMatMul(PlanBuilder& builder, const LoweringContext& context) {
  const PlanOp& op = *context.op;
  const Layer& layer = *op.layer;
  const Arithmetic arithmetic = context.precision.arithmetic;
  HT_ASSIGN_OR_RETURN(const int64_t transposed, op.node->Int("transB", 0));
  HT_ASSIGN_OR_RETURN(const LayerWeights weights, WeightsFor(builder, context));
  const bool swap = op.node->op == "Gemm" && transposed != 0;
  const int64_t depth = layer.weights_shape.dim(swap ? 1 : 0);
  const int64_t channels = layer.weights_shape.dim(swap ? 0 : 1);
  const int64_t rows = builder.shape(op.dst).Elements() / channels;
  HT_ASSIGN_OR_RETURN(Instance src, builder.Need(layer.src, context.precision.src,
                                                 Arrangement::kPlain, layer.name));
  src.desc = RowDesc({rows, depth}, src.form.type);
  LayerGeometry geometry;
  geometry.weights_scale_mask = 2;
  geometry.dst_dims = {rows, channels};
  geometry.arrangement = Arrangement::kPlain;
  HT_ASSIGN_OR_RETURN(LayerAttributes attributes,
                      MakeAttributes(builder, context, src, geometry, weights.scales));
  Instance dst = DefineDst(builder, context, attributes,
                           PlainDesc(builder.shape(op.dst), context.dst_form.type));
  dst.desc = RowDesc({rows, channels}, dst.form.type);
  const dnnl::memory bias = FloatConstant(weights.bias);
  const MemoryDesc bias_desc = RowDesc({1, channels}, DataKind::f32);
  const dnnl::matmul::primitive_desc desc(CpuEngine(), src.desc,
                                          AnyDesc({depth, channels}, WeightsType(arithmetic)),
                                          bias_desc, dst.desc, attributes.attr);
  const bool bytes = arithmetic == Arithmetic::kInt8 || arithmetic == Arithmetic::kDecompress8;
  const DataKind plain_type = bytes ? DataKind::s8 : DataKind::f32;
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

absl::Status LowerProduct(PlanBuilder& builder, const LoweringContext& context) {
  const PlanOp& op = *context.op;
  const std::string& name = op.layer->name;
  HT_ASSIGN_OR_RETURN(Instance src, builder.NeedMatrix(op.sources[0], context.precision.src, name));
  HT_ASSIGN_OR_RETURN(Instance second,
                      builder.NeedMatrix(op.sources[1], context.precision.second, name));
  const Shape shape = builder.shape(op.dst);
  src.desc = WithRank(src.desc, static_cast<size_t>(shape.rank()));
  second.desc = WithRank(second.desc, static_cast<size_t>(shape.rank()));
  LayerGeometry geometry;
  if (second.form.IsInteger()) geometry.weights_zero_point = second.form.zero_point;
  geometry.second_buffer = second.buffer;
  geometry.dst_dims = DimsOf(shape);
  geometry.arrangement = Arrangement::kPlain;
  HT_ASSIGN_OR_RETURN(LayerAttributes attributes,
                      MakeAttributes(builder, context, src, geometry, {second.form.scale}));
  const Instance dst =
      DefineDst(builder, context, attributes, ChooseDst(context, shape, src, second, attributes));
  const dnnl::matmul::primitive_desc desc(CpuEngine(), src.desc, second.desc, dst.desc,
                                          attributes.attr);
  std::vector<Argument> arguments = std::move(attributes.arguments);
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_SRC, src));
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_WEIGHTS, second));
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_DST, dst));
  builder.AddPrimitive<dnnl::matmul>(
      LayerInfo(context, absl::StrCat("product ", DescKey(src.desc), " ", DescKey(second.desc),
                                      " -> ", DescKey(dst.desc), attributes.key)),
      desc, std::move(arguments));
  return absl::OkStatus();
}

}  // namespace halftone::plan
