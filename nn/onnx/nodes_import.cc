#include "nn/onnx/nodes_import.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/graph_memory.h"
#include "nn/onnx/functions.h"
#include "nn/onnx/names.h"
#include "nn/onnx/opset.h"

namespace halftone {
namespace {

constexpr int kMaxDepth = 64;
constexpr int64_t kAttributeBytes = 64;  // at least

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

std::string LabelOf(const Node& node) {
  return absl::StrCat("node '", node.name, "' (", node.op, ")");
}

// What the names in a list of nodes mean.
struct Scope {
  const Arguments* arguments = nullptr;  // of the function that is inlined
  const Function* function = nullptr;    // nullptr for a graph: its names are the file's
  std::string prefix;                    // of what the function's nodes and values are called
  absl::flat_hash_map<std::string, std::string> values = {};  // the function's names, in the graph
};

class NodesImporter {
 public:
  NodesImporter(ModelContext& context, Graph& graph) : context_(context), graph_(graph) {}

  absl::Status Import(const onnx::GraphProto& proto, const Arguments* arguments);

 private:
  void TakeNames(const onnx::GraphProto& proto);
  std::string UniqueValue(const std::string& wanted);
  std::string ValueIn(Scope& scope, const std::string& name);
  absl::Status AddAll(const Nodes& protos, Scope& scope);
  absl::Status Add(const onnx::NodeProto& proto, int position, Scope& scope);
  absl::Status AddOperator(Node node);
  absl::Status NameNode(Node& node, int position, const Scope& scope);
  absl::Status Spend(const Node& node, const onnx::NodeProto& proto);
  absl::Status CloseSubgraph(const onnx::AttributeProto& proto, const Scope& scope, Node& node);
  absl::Status Inline(const Function& function, const Node& call);
  absl::Status CheckCall(const Function& function, const Node& call);
  absl::StatusOr<Arguments> BindArguments(const Function& function, const Node& call);
  absl::Status BindValues(const Function& function, const Node& call, Scope& scope);

  ModelContext& context_;
  Graph& graph_;
  // Given so far; in the file. Values: all that the file reads or writes in this graph.
  absl::flat_hash_set<std::string> node_names_, file_names_, value_names_;
  absl::flat_hash_map<std::string, int> suffixes_;  // the last one tried, by name
};

// Names of values matter only where functions are inlined.
void NodesImporter::TakeNames(const onnx::GraphProto& proto) {
  for (const onnx::ValueInfoProto& input : proto.input()) value_names_.insert(input.name());
  for (const onnx::ValueInfoProto& output : proto.output()) value_names_.insert(output.name());
  for (const onnx::TensorProto& tensor : proto.initializer()) value_names_.insert(tensor.name());
  for (const onnx::NodeProto& node : proto.node()) {
    value_names_.insert(node.input().begin(), node.input().end());
    value_names_.insert(node.output().begin(), node.output().end());
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) TakeNames(attribute.g());
    }
  }
}

std::string NodesImporter::UniqueValue(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !value_names_.insert(name).second; ++i) name = absl::StrCat(wanted, "_", i);
  return name;
}

std::string NodesImporter::ValueIn(Scope& scope, const std::string& name) {
  if (scope.function == nullptr || name.empty()) return name;
  const auto [found, is_new] = scope.values.try_emplace(name);
  if (is_new) found->second = UniqueValue(scope.prefix + name);
  return found->second;
}

absl::Status NodesImporter::Import(const onnx::GraphProto& proto, const Arguments* arguments) {
  for (const onnx::NodeProto& node : proto.node()) file_names_.insert(node.name());
  if (!context_.functions.empty()) TakeNames(proto);
  Scope scope{arguments};
  return AddAll(proto.node(), scope);
}

absl::Status NodesImporter::AddAll(const Nodes& protos, Scope& scope) {
  for (int i = 0; i < protos.size(); ++i) HT_RETURN_IF_ERROR(Add(protos.Get(i), i, scope));
  return absl::OkStatus();
}

// The file's own name, or one made of operator and position; a number is added where that is taken,
// or where another node of the file has it.
absl::Status NodesImporter::NameNode(Node& node, int position, const Scope& scope) {
  const bool is_own = !node.name.empty() && scope.function == nullptr;
  const std::string base = node.name.empty() ? absl::StrCat(node.op, "_", position) : node.name;
  const std::string wanted = scope.prefix + base;
  HT_RETURN_IF_ERROR(CheckName(wanted, "name of a node"));
  node.name = wanted;
  bool taken = node_names_.contains(wanted) || (!is_own && file_names_.contains(wanted));
  while (taken) {
    node.name = absl::StrCat(wanted, "_", ++suffixes_[wanted]);
    taken = node_names_.contains(node.name) || file_names_.contains(node.name);
  }
  node_names_.insert(node.name);
  return absl::OkStatus();
}

// A function's nodes, and the graphs among their attributes, are made anew for each call.
absl::Status NodesImporter::Spend(const Node& node, const onnx::NodeProto& proto) {
  if (--context_.nodes_left < 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the model with its functions and subgraphs has more ", "than ",
                     context_.options.max_nodes, " nodes"));
  }
  if (context_.calls.empty()) return absl::OkStatus();
  // Attributes that are left out take time.
  const int64_t bytes = NodeBytes(node) + kAttributeBytes * proto.attribute_size();
  return SpendInlined(bytes, context_);
}

absl::Status NodesImporter::Add(const onnx::NodeProto& proto, int position, Scope& scope) {
  HT_ASSIGN_OR_RETURN(Node node, ImportNode(proto, scope.arguments, context_.tensors));
  HT_RETURN_IF_ERROR(NameNode(node, position, scope));
  for (const onnx::AttributeProto& attribute : proto.attribute()) {
    if (attribute.type() != onnx::AttributeProto::GRAPH) continue;
    const absl::Status closed = CloseSubgraph(attribute, scope, node);
    // One label is enough for graphs in graphs.
    if (!closed.ok() && context_.depth > 0) return closed;
    HT_RETURN_IF_ERROR(Annotate(closed, absl::StrCat(LabelOf(node), ", ", attribute.name())));
  }
  for (std::string& value : node.inputs) value = ValueIn(scope, value);
  for (std::string& value : node.outputs) value = ValueIn(scope, value);
  HT_RETURN_IF_ERROR(Annotate(Spend(node, proto), LabelOf(node)));
  const Function* function = context_.functions.Find(proto);
  if (function == nullptr) return AddOperator(std::move(node));
  return Inline(*function, node);
}

absl::Status NodesImporter::AddOperator(Node node) {
  const std::string label = absl::StrCat("node '", node.name, "'");
  absl::StatusOr<std::optional<Tensor>> added = RaiseNode(context_.opset, node);
  if (!added.ok()) return Annotate(added.status(), label);
  if (added->has_value()) {
    node.inputs.back() = absl::StrCat(node.outputs[0], "/scales");
    HT_RETURN_IF_ERROR(AddInitializer(node.inputs.back(), **std::move(added), graph_));
  }
  if (node.op != "Constant" || !node.domain.empty()) {
    graph_.nodes.push_back(std::move(node));
    return absl::OkStatus();
  }
  absl::StatusOr<Tensor> tensor = ConstantValue(node);
  if (!tensor.ok()) return Annotate(tensor.status(), label);
  return AddInitializer(node.outputs[0], *std::move(tensor), graph_);
}

// ---- Subgraphs ----------------------------------------------------------------------------------

absl::Status NodesImporter::CloseSubgraph(const onnx::AttributeProto& proto, const Scope& scope,
                                          Node& node) {
  HT_RETURN_IF_ERROR(CheckName(proto.name(), "name of an attribute"));
  if (context_.depth >= kMaxDepth) return absl::InvalidArgumentError("it is nested too deeply");
  ++context_.depth;
  absl::StatusOr<Graph> graph = ImportSubgraph(proto.g(), scope.arguments, context_);
  --context_.depth;
  HT_RETURN_IF_ERROR(graph.status());
  Subgraph subgraph;
  subgraph.own_inputs = static_cast<size_t>(proto.g().input_size());
  subgraph.first_captured = node.inputs.size();
  for (size_t i = subgraph.own_inputs; i < graph->inputs.size(); ++i) {
    node.inputs.push_back(graph->inputs[i].name);
  }
  subgraph.graph = std::make_shared<const Graph>(*std::move(graph));
  if (node.subgraphs.emplace(proto.name(), std::move(subgraph)).second) return absl::OkStatus();
  return absl::InvalidArgumentError("the attribute occurs twice");
}

// ---- Functions ----------------------------------------------------------------------------------

absl::Status NodesImporter::CheckCall(const Function& function, const Node& call) {
  if (absl::c_linear_search(context_.calls, &function)) {
    return absl::InvalidArgumentError(absl::StrCat("function '", function.name, "' calls itself"));
  }
  if (context_.depth >= kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("calls are nested too deeply at function '", function.name, "'"));
  }
  if (!call.subgraphs.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("a call of function '", function.name, "' with a graph as an attribute"));
  }
  const auto defaults = static_cast<int64_t>(function.defaults.size());
  const int64_t parts = function.proto->input_size() + function.proto->output_size() + defaults;
  HT_RETURN_IF_ERROR(SpendInlined(kAttributeBytes * parts, context_));
  return function.CheckOpset(context_.opset);
}

absl::Status NodesImporter::Inline(const Function& function, const Node& call) {
  HT_RETURN_IF_ERROR(Annotate(CheckCall(function, call), LabelOf(call)));
  absl::StatusOr<Arguments> arguments = BindArguments(function, call);
  if (!arguments.ok()) return Annotate(arguments.status(), LabelOf(call));
  Scope scope{&*arguments, &function, call.name + "/"};
  HT_RETURN_IF_ERROR(Annotate(BindValues(function, call, scope), LabelOf(call)));
  ++context_.depth;
  context_.calls.push_back(&function);
  const absl::Status added = AddAll(function.proto->node(), scope);
  context_.calls.pop_back();
  --context_.depth;
  return added;
}

absl::StatusOr<Arguments> NodesImporter::BindArguments(const Function& function, const Node& call) {
  Arguments arguments = call.attributes;
  for (const onnx::AttributeProto& proto : function.defaults) {
    if (arguments.count(proto.name()) > 0) continue;
    Node defaults;
    HT_RETURN_IF_ERROR(ImportAttribute(proto, nullptr, context_.tensors, defaults));
    arguments.merge(defaults.attributes);
  }
  return arguments;
}

// Names of the function's inputs and outputs in the graph. An output that is an input as well, or
// another output, is passed on.
absl::Status NodesImporter::BindValues(const Function& function, const Node& call, Scope& scope) {
  const auto& formal_inputs = function.proto->input();
  const auto& formal_outputs = function.proto->output();
  if (static_cast<int>(call.inputs.size()) > formal_inputs.size() ||
      static_cast<int>(call.outputs.size()) > formal_outputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("function '", function.name, "' has ",
                                                   formal_inputs.size(), " inputs and ",
                                                   formal_outputs.size(), " outputs"));
  }
  for (int i = 0; i < formal_inputs.size(); ++i) {
    scope.values[formal_inputs.Get(i)] = std::string(call.Input(static_cast<size_t>(i)));
  }
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    const std::string& formal = formal_outputs.Get(static_cast<int>(i));
    if (call.outputs[i].empty()) continue;
    if (scope.values.emplace(formal, call.outputs[i]).second) continue;
    Node identity;
    identity.op = "Identity";
    identity.inputs = {scope.values.at(formal)};
    identity.outputs = {call.outputs[i]};
    HT_RETURN_IF_ERROR(NameNode(identity, static_cast<int>(i), scope));
    HT_RETURN_IF_ERROR(AddOperator(std::move(identity)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AddInitializer(const std::string& name, Tensor tensor, Graph& graph) {
  HT_RETURN_IF_ERROR(CheckName(name, "name of an initializer"));
  if (name.empty()) return absl::InvalidArgumentError("an initializer has no name");
  if (!graph.initializers.emplace(name, std::move(tensor)).second) {
    return absl::InvalidArgumentError(absl::StrCat("initializer '", name, "' occurs twice"));
  }
  return absl::OkStatus();
}

absl::Status ImportNodes(const onnx::GraphProto& proto, const Arguments* arguments,
                         ModelContext& context, Graph& graph) {
  return NodesImporter(context, graph).Import(proto, arguments);
}

}  // namespace halftone
