#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/layer_weights.h"
#include "nn/engine/onednn/plan/node_parts.h"
#include "nn/engine/onednn/plan/storage.h"
#include "nn/engine/onednn/plan/view.h"

namespace halftone::plan {

using dnnl::algorithm;
using dnnl::memory;

dnnl::primitive_attr UserScratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

PlanStep NodeInfo(const Node& node, std::string key) {
  PlanStep info;
  info.kind = PlanStep::Kind::kOther;
  info.name = node.name;
  info.key = std::move(key);
  return info;
}

bool IsActivationValue(const PlanBuilder& builder, const std::string& value) {
  return builder.graph().initializers.count(value) == 0;
}

namespace {

Arrangement ArrangementOf(const PlanBuilder& builder, const std::string& value) {
  const Instance& stored = builder.Stored(value);
  const MemoryDesc last =
      DescOf(builder.shape(value), stored.form.type, Arrangement::kChannelsLast);
  return SameArrangement(stored.desc, last) ? Arrangement::kChannelsLast : Arrangement::kPlain;
}

// Reshape, Transpose, Split and the like: other names of the source's elements, which are put in C
// order before where that cannot be otherwise.
Lowered LowerView(PlanBuilder& builder, const Node& node) {
  if (!IsView(builder.graph(), node)) return false;
  Instance src = builder.Stored(node.inputs[0]);
  auto views = ViewsOf(builder.graph(), node, View::Of(src.desc));
  if (!views.has_value()) {
    HT_ASSIGN_OR_RETURN(src,
                        builder.Need(node.inputs[0], src.form, Arrangement::kPlain, node.name));
    views = ViewsOf(builder.graph(), node, View::Of(src.desc));
  }
  if (!views.has_value()) return false;
  const auto element = static_cast<int64_t>(memory::data_type_size(src.form.type));
  for (size_t i = 0; i < views->size(); ++i) {
    Instance part = src;
    part.offset += (*views)[i].offset * element;
    builder.DefineIn(node.outputs[i], part, src.form, (*views)[i].Desc(src.form.type), node.name);
  }
  return true;
}

Lowered LowerActivation(PlanBuilder& builder, const PlanOp& op, const PostOp& activation) {
  const Node& node = *op.node;
  if (op.sources.size() != 1) return false;
  const std::string& value = op.sources[0];
  const Arrangement arrangement = ArrangementOf(builder, value);
  HT_ASSIGN_OR_RETURN(const Instance src,
                      builder.Need(value, Form::Float32(), arrangement, node.name));
  const Instance dst = builder.Define(node.outputs[0], Form::Float32(), arrangement, node.name);
  const dnnl::eltwise_forward::primitive_desc desc(
      CpuEngine(), dnnl::prop_kind::forward_inference, activation.algorithm, src.desc, dst.desc,
      activation.alpha, activation.beta, UserScratchpad());
  builder.AddPrimitive<dnnl::eltwise_forward>(
      NodeInfo(node, absl::StrCat("eltwise", static_cast<int>(activation.algorithm), " ",
                                  activation.alpha, ",", activation.beta, " ", DescKey(src.desc))),
      desc, {PlanBuilder::Use(DNNL_ARG_SRC, src), PlanBuilder::Use(DNNL_ARG_DST, dst)});
  return true;
}

// Whether b broadcasts to a, axis by axis, as oneDNN's binary primitive wants it.
bool BroadcastsTo(const Shape& b, const Shape& a) {
  if (b.rank() > a.rank()) return false;
  const int missing = a.rank() - b.rank();
  for (int axis = 0; axis < b.rank(); ++axis) {
    if (b.dim(axis) != a.dim(axis + missing) && b.dim(axis) != 1) return false;
  }
  return true;
}

// A constant as an argument, arranged as the activations beside it are, with axes of size 1 before
// its own up to `rank`.
absl::StatusOr<Argument> ConstantOperand(const PlanBuilder& builder, const std::string& value,
                                         int rank, Arrangement arrangement, int role) {
  const Tensor& tensor = builder.graph().initializers.at(value);
  HT_ASSIGN_OR_RETURN(const std::vector<float> elements, tensor.ToFloats());
  std::vector<int64_t> dims(static_cast<size_t>(rank - tensor.shape().rank()), 1);
  dims.insert(dims.end(), tensor.shape().dims().begin(), tensor.shape().dims().end());
  const MemoryDesc plain = PlainDesc(Shape(dims), DataKind::f32);
  const MemoryDesc wanted = DescOf(Shape(dims), DataKind::f32, arrangement);
  const LayerWeights as_weights{elements, {}, {}, {}};
  return PlanBuilder::Constant(role, ReorderedWeights(as_weights, plain, wanted));
}

// An activation in that form, or a constant in float32.
absl::StatusOr<Argument> Operand(PlanBuilder& builder, const Node& node, const std::string& value,
                                 const Form& form, int rank, Arrangement arrangement, int role) {
  if (!IsActivationValue(builder, value)) {
    return ConstantOperand(builder, value, rank, arrangement, role);
  }
  HT_ASSIGN_OR_RETURN(const Instance instance, builder.Need(value, form, arrangement, node.name));
  return PlanBuilder::Use(role, instance);
}

bool IsFloat(const PlanBuilder& builder, const std::string& value) {
  return builder.graph().values.at(value).type == DataType::kFloat32;
}

Lowered LowerBinary(PlanBuilder& builder, const LoweringContext& context, algorithm algorithm) {
  const Node& node = *context.op->node;
  std::string a = node.inputs[0], b = node.inputs[1];
  const Shape& shape = builder.shape(node.outputs[0]);
  const bool commutes = node.op == "Add" || node.op == "Mul";
  if (commutes && (builder.shape(a) != shape || !IsActivationValue(builder, a))) std::swap(a, b);
  const bool one_rank = builder.shape(b).rank() == shape.rank() || !IsActivationValue(builder, b);
  if (!IsActivationValue(builder, a) || builder.shape(a) != shape || !one_rank ||
      !IsFloat(builder, b) || !BroadcastsTo(builder.shape(b), shape)) {
    return false;
  }
  const Arrangement arrangement = ArrangementOf(builder, a);
  const bool in_bfloat16 = context.dst_form.type == DataKind::bf16 && IsActivationValue(builder, b);
  const Form form = in_bfloat16 ? Form::BFloat16() : Form::Float32();
  HT_ASSIGN_OR_RETURN(const Instance src0, builder.Need(a, form, arrangement, node.name));
  HT_ASSIGN_OR_RETURN(Argument src1,
                      Operand(builder, node, b, form, shape.rank(), arrangement, DNNL_ARG_SRC_1));
  const Instance dst = builder.Define(node.outputs[0], form, arrangement, node.name);
  const dnnl::binary::primitive_desc desc(CpuEngine(), algorithm, src0.desc, src1.desc, dst.desc,
                                          UserScratchpad());
  PlanStep info = NodeInfo(node, absl::StrCat("binary", static_cast<int>(algorithm), " ",
                                              DescKey(src0.desc), " ", DescKey(src1.desc)));
  builder.AddPrimitive<dnnl::binary>(std::move(info), desc,
                                     {PlanBuilder::Use(DNNL_ARG_SRC_0, src0), std::move(src1),
                                      PlanBuilder::Use(DNNL_ARG_DST, dst)});
  return true;
}

// In the form that its readers want, where all of its sources are activations; else in float32.
Lowered LowerConcat(PlanBuilder& builder, const LoweringContext& context) {
  const PlanOp& op = *context.op;
  const Node& node = *op.node;
  const Shape& shape = builder.shape(node.outputs[0]);
  HT_ASSIGN_OR_RETURN(const int64_t attribute, node.Int("axis", 1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(attribute, shape.rank()));
  if (op.sources.empty()) return false;
  for (const std::string& value : node.inputs) {
    if (!IsFloat(builder, value) || builder.shape(value).Elements() == 0) return false;
  }
  const Arrangement arrangement = ArrangementOf(builder, op.sources[0]);
  const Form form = KeepsForm(builder.graph(), node) ? context.dst_form : Form::Float32();
  std::vector<MemoryDesc> descs;
  std::vector<Argument> arguments;
  std::string key = absl::StrCat("concat", axis);
  for (const std::string& value : node.inputs) {
    const int role = DNNL_ARG_MULTIPLE_SRC + static_cast<int>(descs.size());
    HT_ASSIGN_OR_RETURN(Argument src,
                        Operand(builder, node, value, form, shape.rank(), arrangement, role));
    descs.push_back(src.desc);
    absl::StrAppend(&key, " ", DescKey(src.desc));
    arguments.push_back(std::move(src));
  }
  const Instance dst = builder.Define(node.outputs[0], form, arrangement, node.name);
  const dnnl::concat::primitive_desc desc(CpuEngine(), dst.desc, axis, descs, UserScratchpad());
  arguments.push_back(PlanBuilder::Use(DNNL_ARG_DST, dst));
  builder.AddPrimitive<dnnl::concat>(NodeInfo(node, std::move(key)), desc, std::move(arguments));
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
  if (node.op == "MaxPool" || node.op == "AveragePool") {
    return LowerWindowPooling(builder, context);
  }
  if (node.op == "GlobalAveragePool" || node.op == "GlobalMaxPool") {
    return LowerGlobalPooling(builder, context);
  }
  if (IsView(builder.graph(), node)) return LowerView(builder, node);
  if (node.op == "Concat") return LowerConcat(builder, context);
  if (node.op == "Softmax") return LowerSoftmax(builder, context);
  if (node.op == "LayerNormalization") return LowerLayerNormalization(builder, context);
  PostOp activation;
  if (ActivationOf(builder.graph(), node, &activation)) {
    return LowerActivation(builder, *context.op, activation);
  }
  if (const auto it = binaries->find(node.op); it != binaries->end()) {
    return LowerBinary(builder, context, it->second);
  }
  return false;
}

}  // namespace

absl::Status LowerOtherNode(PlanBuilder& builder, const LoweringContext& context) {
  HT_ASSIGN_OR_RETURN(const bool lowered, LowerByPrimitive(builder, context));
  if (lowered) return absl::OkStatus();
  return LowerThroughEngine(builder, *context.op, context.quantizers);
}

}  // namespace halftone::plan
