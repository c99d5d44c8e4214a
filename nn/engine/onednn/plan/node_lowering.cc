#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/lowering.h"
#include "nn/graph/window.h"

namespace halftone::plan {
namespace {

using dnnl::algorithm;
using dnnl::memory;

dnnl::primitive_attr UserScratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

PlanStep StepInfo(const Node& node, std::string key) {
  PlanStep info;
  info.kind = PlanStep::Kind::kOther;
  info.name = node.name;
  info.key = std::move(key);
  return info;
}

bool IsActivationValue(const PlanBuilder& builder, const std::string& value) {
  return builder.graph().initializers.count(value) == 0;
}

Arrangement ArrangementOf(const PlanBuilder& builder, const std::string& value) {
  const Instance& stored = builder.Stored(value);
  const MemoryDesc last =
      DescOf(builder.shape(value), stored.form.type, Arrangement::kChannelsLast);
  return SameArrangement(stored.desc, last) ? Arrangement::kChannelsLast : Arrangement::kPlain;
}

// Whether a node was lowered; false: no primitive for this case.
using Lowered = absl::StatusOr<bool>;

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
      StepInfo(node,
               absl::StrCat("pool", static_cast<int>(algorithm), " ", DescKey(src.desc), " k",
                            absl::StrJoin(window.kernel, ","), " s",
                            absl::StrJoin(window.strides, ","), " d", absl::StrJoin(dilations, ","),
                            " p", absl::StrJoin(window.pads_begin, ","))),
      desc, {PlanBuilder::Use(DNNL_ARG_SRC, src), PlanBuilder::Use(DNNL_ARG_DST, dst)});
  return true;
}

// Ops that keep their src's form compute in the one in which it is stored.
const Form& KeptForm(const PlanBuilder& builder, const Node& node) {
  return builder.Stored(node.inputs[0]).form;
}

Lowered LowerWindowPooling(PlanBuilder& builder, const Node& node) {
  const Shape& src = builder.shape(node.inputs[0]);
  if (src.rank() < 3 || src.rank() > 5) return false;
  HT_ASSIGN_OR_RETURN(const Window window, ResolveWindow(node, src, {}));
  if (node.op == "MaxPool") {
    return LowerPooling(builder, node, algorithm::pooling_max, window, KeptForm(builder, node));
  }
  HT_ASSIGN_OR_RETURN(const int64_t include, node.Int("count_include_pad", 0));
  const algorithm average = include != 0 ? algorithm::pooling_avg_include_padding
                                         : algorithm::pooling_avg_exclude_padding;
  return LowerPooling(builder, node, average, window, Form::Float32());
}

Lowered LowerGlobalPooling(PlanBuilder& builder, const Node& node) {
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
    return LowerPooling(builder, node, algorithm::pooling_max, window, KeptForm(builder, node));
  }
  return LowerPooling(builder, node, algorithm::pooling_avg_exclude_padding, window,
                      Form::Float32());
}

// Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout: the same elements in C order.
Lowered LowerReshape(PlanBuilder& builder, const Node& node) {
  if (node.outputs.size() > 1 && !node.outputs[1].empty()) return false;
  const std::string& value = node.inputs[0];
  if (!IsActivationValue(builder, value)) return false;
  const Form form = KeptForm(builder, node);
  if (builder.shape(value) == builder.shape(node.outputs[0])) {
    const Instance& stored = builder.Stored(value);
    builder.DefineIn(node.outputs[0], stored, stored.form, stored.desc, node.name);
    return true;
  }
  HT_ASSIGN_OR_RETURN(const Instance src,
                      builder.Need(value, form, Arrangement::kPlain, node.name));
  builder.DefineIn(node.outputs[0], src, form, PlainDesc(builder.shape(node.outputs[0]), form.type),
                   node.name);
  return true;
}

Lowered LowerActivation(PlanBuilder& builder, const Node& node, const PostOp& activation) {
  const std::string& value = node.inputs[0];
  if (!IsActivationValue(builder, value)) return false;
  const Arrangement arrangement = ArrangementOf(builder, value);
  HT_ASSIGN_OR_RETURN(const Instance src,
                      builder.Need(value, Form::Float32(), arrangement, node.name));
  const Instance dst = builder.Define(node.outputs[0], Form::Float32(), arrangement, node.name);
  const dnnl::eltwise_forward::primitive_desc desc(
      CpuEngine(), dnnl::prop_kind::forward_inference, activation.algorithm, src.desc, dst.desc,
      activation.alpha, activation.beta, UserScratchpad());
  builder.AddPrimitive<dnnl::eltwise_forward>(
      StepInfo(node, absl::StrCat("eltwise", static_cast<int>(activation.algorithm), " ",
                                  DescKey(src.desc))),
      desc, {PlanBuilder::Use(DNNL_ARG_SRC, src), PlanBuilder::Use(DNNL_ARG_DST, dst)});
  return true;
}

// Whether b broadcasts to a, axis by axis, as oneDNN's binary primitive wants it.
bool BroadcastsTo(const Shape& b, const Shape& a) {
  if (a.rank() != b.rank()) return false;
  for (int axis = 0; axis < a.rank(); ++axis) {
    if (b.dim(axis) != a.dim(axis) && b.dim(axis) != 1) return false;
  }
  return true;
}

Lowered LowerBinary(PlanBuilder& builder, const Node& node, algorithm algorithm) {
  std::string a = node.inputs[0], b = node.inputs[1];
  if (!IsActivationValue(builder, a) || !IsActivationValue(builder, b)) return false;
  const bool commutes = node.op == "Add" || node.op == "Mul";
  if (commutes && builder.shape(a) != builder.shape(node.outputs[0])) std::swap(a, b);
  if (builder.shape(a) != builder.shape(node.outputs[0]) ||
      !BroadcastsTo(builder.shape(b), builder.shape(a))) {
    return false;
  }
  const Arrangement arrangement = ArrangementOf(builder, a);
  HT_ASSIGN_OR_RETURN(const Instance src0,
                      builder.Need(a, Form::Float32(), arrangement, node.name));
  HT_ASSIGN_OR_RETURN(const Instance src1,
                      builder.Need(b, Form::Float32(), arrangement, node.name));
  const Instance dst = builder.Define(node.outputs[0], Form::Float32(), arrangement, node.name);
  const dnnl::binary::primitive_desc desc(CpuEngine(), algorithm, src0.desc, src1.desc, dst.desc,
                                          UserScratchpad());
  builder.AddPrimitive<dnnl::binary>(
      StepInfo(node, absl::StrCat("binary", static_cast<int>(algorithm), " ", DescKey(src0.desc),
                                  " ", DescKey(src1.desc))),
      desc,
      {PlanBuilder::Use(DNNL_ARG_SRC_0, src0), PlanBuilder::Use(DNNL_ARG_SRC_1, src1),
       PlanBuilder::Use(DNNL_ARG_DST, dst)});
  return true;
}

Lowered LowerConcat(PlanBuilder& builder, const Node& node) {
  const Shape& shape = builder.shape(node.outputs[0]);
  HT_ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", 1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(attribute, shape.rank()));
  for (const std::string& value : node.inputs) {
    if (!IsActivationValue(builder, value)) return false;
  }
  const Arrangement arrangement = ArrangementOf(builder, node.inputs[0]);
  std::vector<MemoryDesc> descs;
  std::vector<Argument> arguments;
  std::string key = absl::StrCat("concat", axis);
  for (const std::string& value : node.inputs) {
    HT_ASSIGN_OR_RETURN(const Instance src,
                        builder.Need(value, Form::Float32(), arrangement, node.name));
    arguments.push_back(
        PlanBuilder::Use(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(descs.size()), src));
    descs.push_back(src.desc);
    absl::StrAppend(&key, " ", DescKey(src.desc));
  }
  const Instance dst = builder.Define(node.outputs[0], Form::Float32(), arrangement, node.name);
  const dnnl::concat::primitive_desc desc(CpuEngine(), dst.desc, axis, descs, UserScratchpad());
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_DST, dst));
  builder.AddPrimitive<dnnl::concat>(StepInfo(node, std::move(key)), desc, std::move(arguments));
  return true;
}

Lowered LowerSoftmax(PlanBuilder& builder, const Node& node) {
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
      builder.Define(node.outputs[0], Form::Float32(), Arrangement::kPlain, node.name);
  const dnnl::softmax_forward::primitive_desc desc(CpuEngine(), dnnl::prop_kind::forward_inference,
                                                   algorithm::softmax_accurate, src.desc, dst.desc,
                                                   axis, UserScratchpad());
  builder.AddPrimitive<dnnl::softmax_forward>(
      StepInfo(node, absl::StrCat("softmax", axis, " ", DescKey(src.desc))), desc,
      {PlanBuilder::Use(DNNL_ARG_SRC, src), PlanBuilder::Use(DNNL_ARG_DST, dst)});
  return true;
}

Lowered LowerByPrimitive(PlanBuilder& builder, const LoweringContext& context) {
  static const auto* const binaries =
      new absl::flat_hash_map<std::string, algorithm>({{"Add", algorithm::binary_add},
                                                       {"Sub", algorithm::binary_sub},
                                                       {"Mul", algorithm::binary_mul},
                                                       {"Div", algorithm::binary_div}});
  const Node& node = *context.op->node;
  if (!node.domain.empty() || context.op->layer != nullptr) return false;
  if (node.op == "MaxPool" || node.op == "AveragePool") return LowerWindowPooling(builder, node);
  if (node.op == "GlobalAveragePool" || node.op == "GlobalMaxPool") {
    return LowerGlobalPooling(builder, node);
  }
  if (KeepsForm(node)) return LowerReshape(builder, node);
  if (node.op == "Concat") return LowerConcat(builder, node);
  if (node.op == "Softmax") return LowerSoftmax(builder, node);
  if (const auto it = binaries->find(node.op); it != binaries->end()) {
    return LowerBinary(builder, node, it->second);
  }
  PostOp activation;
  if (ActivationOf(builder.graph(), node, &activation)) {
    return LowerActivation(builder, node, activation);
  }
  return false;
}

}  // namespace

absl::Status LowerOtherNode(PlanBuilder& builder, const LoweringContext& context) {
  HT_ASSIGN_OR_RETURN(const bool lowered, LowerByPrimitive(builder, context));
  if (lowered) return absl::OkStatus();
  return LowerThroughEngine(builder, *context.op);
}

}  // namespace halftone::plan
