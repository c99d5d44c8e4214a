#include "nn/engine/lowering/lowering.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/float32.h"

namespace halftone {
namespace {

using Table = absl::flat_hash_map<std::string, LowerFunction>;

Table MakeTable() {
  Table table;
  for (absl::Span<const Lowering> family :
       {LayerLowerings(), TransposedLowerings(), EinsumLowerings(), ActivationLowerings(),
        ElementwiseLowerings(), LogicLowerings(), PoolingLowerings(), ReductionLowerings(),
        NormalizationLowerings(), LayoutLowerings(), BlockLowerings(), SelectionLowerings(),
        IndexingLowerings(), ResizeLowerings()}) {
    for (const Lowering& lowering : family) table.emplace(lowering.op, lowering.lower);
  }
  return table;
}

}  // namespace

absl::StatusOr<ValueId> ValueTable::Get(const std::string& name) {
  if (const auto found = values_.find(name); found != values_.end()) return found->second;
  const auto initializer = graph_.initializers.find(name);
  if (initializer == graph_.initializers.end()) {
    return absl::UnimplementedError(absl::StrCat("value '", name, "' is not computed in float32"));
  }
  const absl::StatusOr<Tensor> tensor = ToFloat32(initializer->second);
  if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("value '", name, "'"));
  const ValueId value = builder_.AddConstant(*tensor);
  values_.emplace(name, value);
  return value;
}

absl::StatusOr<ValueId> NodeLowering::Input(size_t index) const {
  HT_RETURN_IF_ERROR(context.Input(index).status());
  return values.Get(node().inputs[index]);
}

absl::StatusOr<float> NodeLowering::ConstantScalar(size_t index, float fallback) const {
  if (!HasInput(index)) return fallback;
  const Tensor* constant = context.Constant(index);
  if (constant == nullptr || constant->elements() != 1) {
    return absl::UnimplementedError(
        absl::StrCat("input '", node().inputs[index], "' is not a constant scalar"));
  }
  HT_ASSIGN_OR_RETURN(Tensor scalar, ToFloat32(*constant));
  return scalar.data<float>()[0];
}

absl::StatusOr<Shape> NodeLowering::DstShape(size_t index) const {
  const auto found = graph.values.find(node().outputs[index]);
  if (found == graph.values.end()) {
    return absl::InternalError(
        absl::StrCat("the shape of '", node().outputs[index], "' was not inferred"));
  }
  return found->second.shape;
}

absl::StatusOr<DataType> NodeLowering::DstType(size_t index) const {
  HT_RETURN_IF_ERROR(DstShape(index).status());
  return graph.values.at(node().outputs[index]).type;
}

LowerFunction FindLowering(absl::string_view domain, absl::string_view op) {
  static const auto* const kTable = new Table(MakeTable());
  if (!domain.empty()) return nullptr;
  const auto found = kTable->find(op);
  return found == kTable->end() ? nullptr : found->second;
}

NodeContext MakeNodeContext(const Graph& graph, const Node& node) {
  NodeContext context{node, graph.opset, {}, {}};
  for (const std::string& input : node.inputs) {
    const auto info = graph.values.find(input);
    const auto constant = graph.initializers.find(input);
    context.infos.push_back(info == graph.values.end() ? nullptr : &info->second);
    context.constants.push_back(constant == graph.initializers.end() ? nullptr : &constant->second);
  }
  return context;
}

absl::StatusOr<std::vector<ValueId>> Single(absl::StatusOr<ValueId> value) {
  HT_RETURN_IF_ERROR(value.status());
  return std::vector<ValueId>{*value};
}

}  // namespace halftone
