#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/operators/operator.h"

namespace halftone {
namespace {

using Table = absl::flat_hash_map<std::string, Operator>;

Table MakeTable() {
  Table table;
  for (const absl::Span<const Operator> family : OperatorFamilies()) {
    for (const Operator& op : family) table.emplace(op.name, op);
  }
  return table;
}

constexpr int64_t kMaxListLength = 1 << 16;

}  // namespace

std::vector<absl::Span<const Operator>> OperatorFamilies() {
  return {ActivationOperators(),    ElementwiseOperators(), LogicOperators(),
          WindowOperators(),        MatrixOperators(),      LayoutOperators(),
          BlockOperators(),         SelectionOperators(),   IndexingOperators(),
          SortingOperators(),       SamplingOperators(),    SignalOperators(),
          UnpoolingOperators(),     ValueSizedOperators(),  ReductionOperators(),
          NormalizationOperators(), ResizeOperators(),      ConstantOperators(),
          QuantizationOperators()};
}

bool Accepts(Runs runs, DataType type) {
  if (type == DataType::kFloat32) return true;
  const bool wide = type == DataType::kInt32 || type == DataType::kInt64;
  switch (runs) {
    case Runs::kAnything:
      return true;
    case Runs::kIntegers:
      return wide || LimitsOf(type).has_value();
    case Runs::kNumbers:
      return wide;
    default:
      return false;
  }
}

absl::StatusOr<ValueInfos> InferLikeFirst(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(0));
  return ValueInfos{src};
}

const Operator* FindOperator(absl::string_view domain, absl::string_view op) {
  static const auto* const kTable = new Table(MakeTable());
  if (!domain.empty()) return nullptr;
  const auto found = kTable->find(op);
  return found == kTable->end() ? nullptr : &found->second;
}

NodeContext MakeNodeContext(const Graph& graph, const Node& node, int64_t opset) {
  NodeContext context{node, opset, {}, {}};
  for (const std::string& value : node.inputs) {
    const auto info = value.empty() ? graph.values.end() : graph.values.find(value);
    context.infos.push_back(info == graph.values.end() ? nullptr : &info->second);
    const auto constant = graph.initializers.find(value);
    context.constants.push_back(
        value.empty() || constant == graph.initializers.end() ? nullptr : &constant->second);
  }
  return context;
}

absl::StatusOr<ValueInfo> NodeContext::Input(size_t index) const {
  if (!HasInput(index)) {
    return absl::InvalidArgumentError(absl::StrCat("input ", index, " is missing"));
  }
  return *infos[index];
}

absl::StatusOr<std::optional<std::vector<int64_t>>> NodeContext::ConstantInts(
    size_t index, absl::string_view what) const {
  if (!HasInput(index)) return std::optional<std::vector<int64_t>>();
  const Tensor* constant = Constant(index);
  if (constant == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("its ", what, " ('", node.Input(index), "') is not constant"));
  }
  if (constant->elements() > kMaxListLength) {
    return absl::InvalidArgumentError(
        absl::StrCat("its ", what, " has ", constant->elements(), " elements"));
  }
  absl::StatusOr<std::vector<int64_t>> ints = constant->ToInts();
  if (!ints.ok()) return Annotate(ints.status(), what);
  return std::optional<std::vector<int64_t>>(*std::move(ints));
}

absl::StatusOr<std::vector<int64_t>> NodeContext::RequiredInts(size_t index,
                                                               absl::string_view what) const {
  HT_ASSIGN_OR_RETURN(auto ints, ConstantInts(index, what));
  if (ints.has_value()) return *std::move(ints);
  return absl::InvalidArgumentError(absl::StrCat("its ", what, " (input ", index, ") is missing"));
}

absl::StatusOr<std::optional<std::vector<int64_t>>> NodeContext::IntsFromEither(
    absl::string_view attribute, size_t input) const {
  if (node.Has(attribute)) {
    HT_ASSIGN_OR_RETURN(std::vector<int64_t> ints, node.Ints(attribute, {}));
    return std::optional<std::vector<int64_t>>(std::move(ints));
  }
  return ConstantInts(input, attribute);
}

}  // namespace halftone
