#include "nn/graph/bind.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/float32.h"
#include "nn/graph/folding.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/operators/refused.h"
#include "nn/graph/passes.h"
#include "nn/graph/recurrent/recurrent_spec.h"
#include "nn/graph/recurrent/unroll_recurrent.h"
#include "nn/graph/rewrites/loop.h"
#include "nn/graph/rewrites/parts.h"
#include "nn/graph/rewrites/rewrite.h"
#include "nn/graph/rewrites/sequences.h"
#include "nn/graph/simplify.h"

namespace halftone {
namespace {

class Binder {
 public:
  // With `unsupported`, nodes that cannot be bound are listed there instead of being an error.
  explicit Binder(std::vector<Unsupported>* unsupported) : unsupported_(unsupported) {}

  absl::StatusOr<Graph> Bind(const Graph& graph, int64_t batch);

 private:
  absl::Status CheckBatch(int64_t batch) const;
  absl::Status BindInputs(int64_t batch);
  absl::Status AddInitializers();
  absl::Status AddConstant(const std::string& name, const Tensor& tensor);
  absl::Status BindNode(const Node& node);
  absl::Status BindParts(const Parts& parts);
  absl::Status CheckAlike(const std::string& one, const std::string& other) const;
  absl::Status BindLoop(const NodeContext& context);
  absl::Status InferNode(const Node& node);
  absl::Status CheckRuns(const Node& node, const Operator& op) const;
  bool SourcesKnown(const Node& node) const;
  // What the value is called once identities are gone.
  std::string NameOf(const std::string& value) const {
    const auto renamed = renamed_.find(value);
    return renamed == renamed_.end() ? value : renamed->second;
  }
  bool RemoveIdentity(const NodeContext& context, const ValueInfo& info);
  absl::Status Fold(const NodeContext& context, const Operator& op, const ValueInfos& infos);
  void FinishOutputs();

  std::vector<Unsupported>* const unsupported_;
  Graph source_, bound_;
  absl::flat_hash_set<std::string> outputs_,
      read_;  // the graph's outputs; those and what nodes read
  absl::flat_hash_map<std::string, std::string> renamed_;  // results of identities
  FoldingBudget folding_budget_;
  std::optional<UniqueNames> names_;  // of parts
  PartsBudget parts_budget_;
  SequenceTable sequences_;
  RecurrentUnroller unroller_;
};

std::string Label(const Node& node) {
  return absl::StrCat("node '", node.name, "' (", node.op, ")");
}

absl::Status Binder::CheckBatch(int64_t batch) const {
  const std::optional<int64_t> fixed = source_.fixed_batch();
  if (batch < 1 && fixed != batch) {
    return absl::InvalidArgumentError(absl::StrCat("a batch of ", batch));
  }
  if (fixed.has_value() && *fixed != batch) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has a fixed batch of ", *fixed, " and cannot run with ", batch));
  }
  return absl::OkStatus();
}

absl::Status Binder::BindInputs(int64_t batch) {
  for (const OpenAxis& open : FindOpenAxes(source_)) {
    return absl::InvalidArgumentError(
        absl::StrCat("input '", open.input, "': axis ", open.axis, " has no fixed size"));
  }
  for (const Port& source : source_.inputs) {
    Port port = source;
    port.info.type = EngineType(port.info.type);
    Shape& shape = port.info.shape;
    const std::optional<int> sample_axis = shape.rank() > 0 ? port.sample_axis : std::nullopt;
    if (sample_axis.has_value() && shape.dim(*sample_axis) == Shape::kDynamic) {
      shape.set_dim(*sample_axis, batch);
    }
    HT_RETURN_IF_ERROR(Annotate(shape.Check(), absl::StrCat("input '", port.name, "'")));
    bound_.values[port.name] = port.info;
    bound_.inputs.push_back(std::move(port));
  }
  return absl::OkStatus();
}

absl::Status Binder::AddConstant(const std::string& name, const Tensor& tensor) {
  HT_RETURN_IF_ERROR(Annotate(tensor.shape().Check(), absl::StrCat("initializer '", name, "'")));
  bound_.values[name] = {EngineType(tensor.type()), tensor.shape()};
  HT_ASSIGN_OR_RETURN(Tensor converted, ToEngineType(tensor));
  bound_.initializers.emplace(name, std::move(converted));
  return absl::OkStatus();
}

absl::Status Binder::AddInitializers() {
  for (const auto& [name, tensor] : source_.initializers) {
    HT_RETURN_IF_ERROR(AddConstant(name, tensor));
    folding_budget_.Add(tensor.size_bytes());
  }
  return absl::OkStatus();
}

bool Binder::SourcesKnown(const Node& node) const {
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& value) {
    return value.empty() || bound_.values.contains(value) || sequences_.Contains(value);
  });
}

// A node that only passes its first source on is dropped, and its readers read that source; not so
// where its result is a graph output, whose name must stay, or where a Dropout's mask is read.
bool Binder::RemoveIdentity(const NodeContext& context, const ValueInfo& info) {
  const Node& node = context.node;
  const bool cast = node.op == "Cast" && context.infos[0]->type == info.type;
  if (node.op != "Identity" && node.op != "Dropout" && !cast) return false;
  if (outputs_.contains(node.outputs[0])) return false;
  if (node.outputs.size() > 1 && read_.contains(node.outputs[1])) return false;
  renamed_[node.outputs[0]] = node.inputs[0];
  return true;
}

absl::Status Binder::Fold(const NodeContext& context, const Operator& op, const ValueInfos& infos) {
  HT_RETURN_IF_ERROR(folding_budget_.Spend(context, infos));
  HT_ASSIGN_OR_RETURN(std::vector<Tensor> results, op.evaluate(context, infos));
  for (size_t i = 0; i < std::min(results.size(), context.node.outputs.size()); ++i) {
    if (context.node.outputs[i].empty()) continue;
    HT_ASSIGN_OR_RETURN(Tensor converted, ToEngineType(results[i]));
    bound_.initializers.emplace(context.node.outputs[i], std::move(converted));
  }
  return absl::OkStatus();
}

absl::Status Binder::CheckRuns(const Node& node, const Operator& op) const {
  if (op.runs == Runs::kNever) return absl::UnimplementedError("it is only computed on constants");
  for (const std::string& value : node.inputs) {
    if (value.empty() || bound_.initializers.count(value) > 0) continue;
    const DataType type = bound_.values.at(value).type;
    if (Accepts(op.runs, type)) continue;
    return absl::UnimplementedError(
        absl::StrCat("its source '", value, "' is of type ", DataTypeName(type)));
  }
  return absl::OkStatus();
}

absl::Status Binder::BindParts(const Parts& parts) {
  HT_RETURN_IF_ERROR(parts_budget_.Spend(parts));
  for (const auto& [name, tensor] : parts.constants) HT_RETURN_IF_ERROR(AddConstant(name, tensor));
  for (const Node& node : parts.nodes) read_.insert(node.inputs.begin(), node.inputs.end());
  for (const Node& node : parts.nodes) HT_RETURN_IF_ERROR(BindNode(node));
  for (const auto& [one, other] : parts.alike) HT_RETURN_IF_ERROR(CheckAlike(one, other));
  return absl::OkStatus();
}

absl::Status Binder::CheckAlike(const std::string& one, const std::string& other) const {
  const auto a = bound_.values.find(NameOf(one)), b = bound_.values.find(NameOf(other));
  if (a == bound_.values.end() || b == bound_.values.end()) return absl::OkStatus();
  if (a->second.type == b->second.type && a->second.shape == b->second.shape) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("whether its result is ", DataTypeName(a->second.type), " ",
                   a->second.shape.ToString(), " or ", DataTypeName(b->second.type), " ",
                   b->second.shape.ToString(), " depends on the input's values"));
}

absl::Status Binder::BindLoop(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(LoopUnroller loop, LoopUnroller::Create(context, *names_));
  while (!loop.is_done()) {
    const auto known = bound_.initializers.find(NameOf(loop.condition()));
    HT_ASSIGN_OR_RETURN(const Parts parts,
                        loop.Next(known == bound_.initializers.end() ? nullptr : &known->second));
    HT_RETURN_IF_ERROR(BindParts(parts));
  }
  return absl::OkStatus();
}

absl::Status Binder::InferNode(const Node& node) {
  const NodeContext context = MakeNodeContext(bound_, node);
  if (IsRecurrent(node)) {
    HT_ASSIGN_OR_RETURN(const Parts parts, unroller_.Unroll(context, *names_));
    return BindParts(parts);
  }
  if (node.op == "Loop" && node.domain.empty()) return BindLoop(context);
  if (sequences_.Concerns(node)) {
    HT_ASSIGN_OR_RETURN(const Parts parts, sequences_.Apply(context, *names_));
    return BindParts(parts);
  }
  if (const Rewrite* rewrite = FindRewrite(context); rewrite != nullptr) {
    HT_ASSIGN_OR_RETURN(const Parts parts, rewrite->parts(context, *names_));
    return BindParts(parts);
  }
  const Operator* op = FindOperator(node.domain, node.op);
  if (op == nullptr) return absl::UnimplementedError(WhyRefused(node));
  if (node.outputs.empty() || node.outputs[0].empty()) {
    return absl::InvalidArgumentError("it has no result");
  }
  HT_ASSIGN_OR_RETURN(ValueInfos infos, op->infer(context));
  for (ValueInfo& info : infos) {
    HT_RETURN_IF_ERROR(info.shape.Check());
    info.type = EngineType(info.type);
  }
  if (node.outputs.size() > infos.size()) {
    return absl::UnimplementedError(absl::StrCat("more results than ", infos.size()));
  }
  if (RemoveIdentity(context, infos[0])) return absl::OkStatus();
  bool fold = CanFold(context, *op);
  if (fold) {
    const absl::Status folded = Fold(context, *op, infos);
    fold = !absl::IsUnimplemented(folded) || op->runs == Runs::kNever;
    if (fold) HT_RETURN_IF_ERROR(folded);
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.outputs[i].empty()) bound_.values[node.outputs[i]] = infos[i];
  }
  if (fold) return absl::OkStatus();
  HT_RETURN_IF_ERROR(CheckRuns(node, *op));
  bound_.nodes.push_back(node);
  return absl::OkStatus();
}

absl::Status Binder::BindNode(const Node& source) {
  Node node = source;
  for (std::string& value : node.inputs) value = NameOf(value);
  if (unsupported_ == nullptr) return Annotate(InferNode(node), Label(node));
  if (!SourcesKnown(node)) {
    bound_.nodes.push_back(std::move(node));
    return absl::OkStatus();
  }
  const absl::Status status = InferNode(node);
  if (!absl::IsUnimplemented(status)) return Annotate(status, Label(node));
  unsupported_->push_back({node.name, node.op, std::string(status.message())});
  for (const std::string& value : node.outputs) bound_.values.erase(value);
  bound_.nodes.push_back(std::move(node));
  return absl::OkStatus();
}

void Binder::FinishOutputs() {
  for (const Port& source : source_.outputs) {
    Port port = source;
    const auto known = bound_.values.find(port.name);
    if (known != bound_.values.end()) port.info = known->second;
    bound_.outputs.push_back(std::move(port));
  }
}

absl::StatusOr<Graph> Binder::Bind(const Graph& graph, int64_t batch) {
  HT_RETURN_IF_ERROR(CheckGraph(graph));
  source_ = graph;
  RemoveUnused(source_);
  HT_RETURN_IF_ERROR(CheckBatch(batch));
  for (const Port& port : source_.outputs) outputs_.insert(port.name);
  read_ = outputs_;
  for (const Node& node : source_.nodes) read_.insert(node.inputs.begin(), node.inputs.end());
  names_.emplace(source_);
  bound_.name = source_.name;
  bound_.opset = source_.opset;
  HT_RETURN_IF_ERROR(BindInputs(batch));
  HT_RETURN_IF_ERROR(AddInitializers());
  for (const Node& node : source_.nodes) {
    HT_RETURN_IF_ERROR(BindNode(node));
  }
  FinishOutputs();
  AbsorbOutputIdentities(bound_);
  RemoveUnused(bound_);
  return std::move(bound_);
}

}  // namespace

absl::StatusOr<Graph> BindBatch(const Graph& graph, int64_t batch) {
  return Binder(nullptr).Bind(graph, batch);
}

absl::StatusOr<PartialBinding> BindWhereSupported(const Graph& graph, int64_t batch) {
  PartialBinding binding;
  HT_ASSIGN_OR_RETURN(binding.graph, Binder(&binding.unsupported).Bind(graph, batch));
  return binding;
}

}  // namespace halftone
