#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/node_parts.h"
#include "nn/graph/window.h"

namespace halftone::plan {
namespace {

using dnnl::algorithm;
using dnnl::memory;

Lowered LowerPooling(PlanBuilder& builder, const Node& node, algorithm algorithm,
                     const Window& window, const Form& form) {
  if (node.outputs.size() > 1 && !node.outputs[1].empty()) return false;
  if (std::any_of(window.overhang.begin(), window.overhang.end(),
                  [](int64_t size) { return size != 0; })) {
    return false;
  }
  HT_ASSIGN_OR_RETURN(const Instance src,
                      builder.Need(node.inputs[0], form, Arrangement::kChannelsLast, node.name));
  const Instance dst = builder.Define(node.outputs[0], form, Arrangement::kChannelsLast, node.name);
  memory::dims dilations = window.dilations;
  for (int64_t& dilation : dilations) --dilation;
  const dnnl::pooling_forward::primitive_desc desc(CpuEngine(), dnnl::prop_kind::forward_inference,
                                                   algorithm, src.desc, dst.desc, window.strides,
                                                   window.kernel, dilations, window.pads_begin,
                                                   window.pads_end, UserScratchpad());
  builder.AddPrimitive<dnnl::pooling_forward>(
      NodeInfo(node,
               absl::StrCat("pool", static_cast<int>(algorithm), " ", DescKey(src.desc), " k",
                            absl::StrJoin(window.kernel, ","), " s",
                            absl::StrJoin(window.strides, ","), " d", absl::StrJoin(dilations, ","),
                            " p", absl::StrJoin(window.pads_begin, ","))),
      desc, {PlanBuilder::Use(DNNL_ARG_SRC, src), PlanBuilder::Use(DNNL_ARG_DST, dst)});
  return true;
}

// Averages of integers are none: they are taken in float32, or in bfloat16 for a reader that wants
// it.
Form AverageForm(const LoweringContext& context) {
  return context.dst_form.type == DataKind::bf16 ? Form::BFloat16() : Form::Float32();
}

}  // namespace

Lowered LowerWindowPooling(PlanBuilder& builder, const LoweringContext& context) {
  const Node& node = *context.op->node;
  const Shape& src = builder.shape(node.inputs[0]);
  if (src.rank() < 3 || src.rank() > 5) return false;
  HT_ASSIGN_OR_RETURN(const Window window, ResolveWindow(node, src, {}));
  if (node.op == "MaxPool") {
    return LowerPooling(builder, node, algorithm::pooling_max, window,
                        builder.Stored(node.inputs[0]).form);
  }
  HT_ASSIGN_OR_RETURN(const int64_t include, node.Int("count_include_pad", 0));
  const algorithm average = include != 0 ? algorithm::pooling_avg_include_padding
                                         : algorithm::pooling_avg_exclude_padding;
  return LowerPooling(builder, node, average, window, AverageForm(context));
}

Lowered LowerGlobalPooling(PlanBuilder& builder, const LoweringContext& context) {
  const Node& node = *context.op->node;
  const Shape& src = builder.shape(node.inputs[0]);
  if (src.rank() < 3 || src.rank() > 5) return false;
  Window window;
  for (int axis = 2; axis < src.rank(); ++axis) {
    window.kernel.push_back(src.dim(axis));
    window.strides.push_back(1);
    window.dilations.push_back(1);
    window.pads_begin.push_back(0);
    window.pads_end.push_back(0);
  }
  if (node.op == "GlobalMaxPool") {
    return LowerPooling(builder, node, algorithm::pooling_max, window,
                        builder.Stored(node.inputs[0]).form);
  }
  return LowerPooling(builder, node, algorithm::pooling_avg_exclude_padding, window,
                      AverageForm(context));
}

}  // namespace halftone::plan
