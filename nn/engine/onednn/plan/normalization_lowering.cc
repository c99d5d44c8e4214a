#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/node_parts.h"

namespace halftone::plan {
namespace {

using dnnl::algorithm;

// The scale of an integer form, as the attribute of a primitive that writes it.
void SetDstScale(const Form& form, dnnl::primitive_attr& attr, std::vector<Argument>& arguments) {
  if (!form.IsInteger()) return;
  attr.set_scales_mask(DNNL_ARG_DST, 0);
  arguments.push_back(
      PlanBuilder::Constant(DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, FloatConstant({form.scale})));
}

// A constant of as many elements; absent (false) where the value is none.
absl::StatusOr<bool> ReadVector(const Graph& graph, absl::string_view value, int64_t size,
                                std::vector<float>* elements) {
  const auto constant = graph.initializers.find(std::string(value));
  if (constant == graph.initializers.end() || constant->second.elements() != size) return false;
  HT_ASSIGN_OR_RETURN(*elements, constant->second.ToFloats());
  return true;
}

}  // namespace

Lowered LowerSoftmax(PlanBuilder& builder, const LoweringContext& context) {
  const Node& node = *context.op->node;
  const Shape& shape = builder.shape(node.inputs[0]);
  if (!IsActivationValue(builder, node.inputs[0])) return false;
  const int64_t fallback = builder.graph().opset < 13 ? 1 : -1;
  HT_ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", fallback));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(attribute, shape.rank()));
  // Before opset 13 all axes from `axis` on are one.
  if (builder.graph().opset < 13 && axis != shape.rank() - 1) return false;
  HT_ASSIGN_OR_RETURN(const Instance src, builder.Need(node.inputs[0], Form::Float32(),
                                                       Arrangement::kPlain, node.name));
  const Instance dst =
      builder.Define(node.outputs[0], context.dst_form, Arrangement::kPlain, node.name);
  dnnl::primitive_attr attr = UserScratchpad();
  std::vector<Argument> arguments = {PlanBuilder::Use(DNNL_ARG_SRC, src),
                                     PlanBuilder::Use(DNNL_ARG_DST, dst)};
  SetDstScale(dst.form, attr, arguments);
  const dnnl::softmax_forward::primitive_desc desc(CpuEngine(), dnnl::prop_kind::forward_inference,
                                                   algorithm::softmax_accurate, src.desc, dst.desc,
                                                   axis, attr);
  builder.AddPrimitive<dnnl::softmax_forward>(
      NodeInfo(node,
               absl::StrCat("softmax", axis, " ", DescKey(src.desc), " -> ", FormName(dst.form))),
      desc, std::move(arguments));
  return true;
}

// Over the last axis. Its kernels scale and saturate integers but know no zero point: that is added
// to the shift, in units of the scale.
Lowered LowerLayerNormalization(PlanBuilder& builder, const LoweringContext& context) {
  const Node& node = *context.op->node;
  const Shape& shape = builder.shape(node.inputs[0]);
  if (!IsActivationValue(builder, node.inputs[0]) || shape.rank() < 2 || shape.rank() > 5) {
    return false;
  }
  HT_ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", -1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(attribute, shape.rank()));
  HT_ASSIGN_OR_RETURN(const float epsilon, node.Float("epsilon", 1e-5f));
  if (axis != shape.rank() - 1) return false;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty()) return false;
  }
  const int64_t channels = shape.dim(axis);
  std::vector<float> scale, shift(static_cast<size_t>(channels), 0.0f);
  HT_ASSIGN_OR_RETURN(bool known, ReadVector(builder.graph(), node.Input(1), channels, &scale));
  if (known && !node.Input(2).empty()) {
    HT_ASSIGN_OR_RETURN(known, ReadVector(builder.graph(), node.Input(2), channels, &shift));
  }
  if (!known) return false;
  const Form& form = context.dst_form;
  for (float& value : shift) value += form.scale * static_cast<float>(form.zero_point);
  HT_ASSIGN_OR_RETURN(const Instance src, builder.Need(node.inputs[0], Form::Float32(),
                                                       Arrangement::kPlain, node.name));
  const Instance dst = builder.Define(node.outputs[0], form, Arrangement::kPlain, node.name);
  dnnl::primitive_attr attr = UserScratchpad();
  std::vector<Argument> arguments = {PlanBuilder::Use(DNNL_ARG_SRC, src),
                                     PlanBuilder::Use(DNNL_ARG_DST, dst),
                                     PlanBuilder::Constant(DNNL_ARG_SCALE, FloatConstant(scale)),
                                     PlanBuilder::Constant(DNNL_ARG_SHIFT, FloatConstant(shift))};
  SetDstScale(form, attr, arguments);
  const dnnl::layer_normalization_forward::primitive_desc desc(
      CpuEngine(), dnnl::prop_kind::forward_inference, src.desc, dst.desc, epsilon,
      dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift, attr);
  builder.AddPrimitive<dnnl::layer_normalization_forward>(
      NodeInfo(node, absl::StrCat("layernorm ", DescKey(src.desc), " -> ",
                                  form.IsInteger() ? "bytes" : FormName(form))),
      desc, std::move(arguments));
  return true;
}

}  // namespace halftone::plan
