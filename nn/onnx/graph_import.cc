#include "nn/onnx/graph_import.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "nn/onnx/names.h"
#include "nn/onnx/nodes_import.h"
#include "nn/onnx/opset.h"
#include "nn/onnx/topological_order.h"

namespace halftone {
namespace {

// What exporters call axes that they have no name for.
constexpr std::array<absl::string_view, 3> kNoNames = {"?", "None", "-1"};
constexpr int64_t kBytesOfPart = 256;  // of an initializer or port, with its name

// Builds one Graph from one GraphProto.
class GraphImporter {
 public:
  GraphImporter(const onnx::GraphProto& proto, const Arguments* arguments, ModelContext& context)
      : proto_(proto), arguments_(arguments), context_(context) {}

  absl::StatusOr<Graph> ImportModelGraph();
  absl::StatusOr<Graph> ImportSubgraph();

 private:
  absl::Status Start();
  absl::Status AddInitializers();
  absl::Status AddInputs();
  absl::Status AddOutputs();
  absl::Status AddNames(const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& ports,
                        absl::string_view what, std::vector<Port>& result);
  absl::StatusOr<Port> ImportPort(const onnx::ValueInfoProto& proto, absl::string_view what);
  absl::Status AddNodes();
  void AddCaptures();

  const onnx::GraphProto& proto_;
  const Arguments* const arguments_;
  ModelContext& context_;
  Graph graph_;
};

absl::Status GraphImporter::Start() {
  HT_RETURN_IF_ERROR(CheckName(proto_.name(), "graph's name"));
  graph_.name = proto_.name();
  graph_.opset = std::max(context_.opset, kOldestGraphOpset);
  return AddInitializers();
}

absl::Status GraphImporter::AddInitializers() {
  if (proto_.sparse_initializer_size() > 0) {
    return absl::UnimplementedError("the model has sparse initializers");
  }
  for (const onnx::TensorProto& proto : proto_.initializer()) {
    absl::StatusOr<Tensor> tensor = context_.tensors.Import(proto);
    if (!tensor.ok()) {
      return Annotate(tensor.status(), absl::StrCat("initializer '", Excerpt(proto.name()), "'"));
    }
    HT_RETURN_IF_ERROR(AddInitializer(proto.name(), *std::move(tensor), graph_));
  }
  return absl::OkStatus();
}

absl::StatusOr<Port> GraphImporter::ImportPort(const onnx::ValueInfoProto& proto,
                                               absl::string_view what) {
  HT_RETURN_IF_ERROR(CheckName(proto.name(), absl::StrCat("name of a graph ", what)));
  absl::StatusOr<ValueInfo> info = ImportType(proto.type());
  if (!info.ok()) return Annotate(info.status(), absl::StrCat(what, " '", proto.name(), "'"));
  Port port{proto.name(), *std::move(info)};
  for (const auto& dim : proto.type().tensor_type().shape().dim()) {
    HT_RETURN_IF_ERROR(CheckName(dim.dim_param(), absl::StrCat("name of an axis of ", what)));
    const bool is_named = !dim.has_dim_value() && !absl::c_linear_search(kNoNames, dim.dim_param());
    port.axis_names.push_back(is_named ? dim.dim_param() : "");
  }
  return port;
}

absl::Status GraphImporter::AddInputs() {
  for (const onnx::ValueInfoProto& proto : proto_.input()) {
    // Before IR version 4 initializers were listed among the inputs.
    if (graph_.initializers.count(proto.name()) > 0) continue;
    HT_ASSIGN_OR_RETURN(Port port, ImportPort(proto, "input"));
    if (!proto.type().tensor_type().has_shape()) {
      return absl::InvalidArgumentError(absl::StrCat("input '", proto.name(), "' has no shape"));
    }
    for (int axis = 0; axis < port.info.shape.rank(); ++axis) {
      if (port.info.shape.dim(axis) != 0 || context_.options.empty_inputs) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("input '", proto.name(), "': axis ", axis, " has the size 0"));
    }
    graph_.inputs.push_back(std::move(port));
  }
  return absl::OkStatus();
}

absl::Status GraphImporter::AddOutputs() {
  for (const onnx::ValueInfoProto& proto : proto_.output()) {
    HT_RETURN_IF_ERROR(CheckName(proto.name(), "name of a graph output"));
    Port port{proto.name(), {}};
    const onnx::TypeProto::Tensor& type = proto.type().tensor_type();
    port.info.type = TypeOfOnnxNumber(type.elem_type()).value_or(port.info.type);
    if (type.has_shape()) {
      HT_ASSIGN_OR_RETURN(port, ImportPort(proto, "output"));
    }
    graph_.outputs.push_back(std::move(port));
  }
  return absl::OkStatus();
}

absl::Status GraphImporter::AddNames(
    const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& ports, absl::string_view what,
    std::vector<Port>& result) {
  for (const onnx::ValueInfoProto& port : ports) {
    HT_RETURN_IF_ERROR(CheckName(port.name(), absl::StrCat("name of a graph ", what)));
    if (port.name().empty()) {
      return absl::InvalidArgumentError(absl::StrCat("a graph ", what, " has no name"));
    }
    result.push_back({port.name(), {}});
  }
  return absl::OkStatus();
}

absl::Status GraphImporter::AddNodes() {
  const int64_t count = proto_.node_size();
  if (count > context_.options.max_nodes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the model has ", count, " nodes, more than ", context_.options.max_nodes));
  }
  HT_RETURN_IF_ERROR(ImportNodes(proto_, arguments_, context_, graph_));
  return SortTopologically(graph_.nodes);
}

// What is read and defined nowhere in the graph is of the graphs around it.
void GraphImporter::AddCaptures() {
  absl::flat_hash_set<std::string> known = {""};
  for (const Port& port : graph_.inputs) known.insert(port.name);
  for (const auto& [name, tensor] : graph_.initializers) known.insert(name);
  for (const Node& node : graph_.nodes) known.insert(node.outputs.begin(), node.outputs.end());
  const auto read = [&](const std::string& value) {
    if (known.insert(value).second) graph_.inputs.push_back({value, {}});
  };
  for (const Node& node : graph_.nodes) {
    for (const std::string& value : node.inputs) read(value);
  }
  for (const Port& port : graph_.outputs) read(port.name);
}

absl::StatusOr<Graph> GraphImporter::ImportModelGraph() {
  HT_RETURN_IF_ERROR(Start());
  HT_RETURN_IF_ERROR(AddInputs());
  HT_RETURN_IF_ERROR(AddOutputs());
  HT_RETURN_IF_ERROR(AddNodes());
  HT_RETURN_IF_ERROR(CheckGraph(graph_));
  return std::move(graph_);
}

absl::StatusOr<Graph> GraphImporter::ImportSubgraph() {
  if (!context_.calls.empty()) {
    const int64_t parts = proto_.initializer_size() + proto_.input_size() + proto_.output_size();
    HT_RETURN_IF_ERROR(SpendInlined(kBytesOfPart * parts, context_));
  }
  HT_RETURN_IF_ERROR(Start());
  HT_RETURN_IF_ERROR(AddNames(proto_.input(), "input", graph_.inputs));
  HT_RETURN_IF_ERROR(AddNames(proto_.output(), "output", graph_.outputs));
  HT_RETURN_IF_ERROR(AddNodes());
  AddCaptures();
  HT_RETURN_IF_ERROR(CheckGraph(graph_));
  return std::move(graph_);
}

}  // namespace

absl::Status SpendInlined(int64_t bytes, ModelContext& context) {
  context.inlined_bytes_left -= bytes;
  if (context.inlined_bytes_left >= 0) return absl::OkStatus();
  return absl::ResourceExhaustedError("inlining the model's functions takes too much memory");
}

absl::StatusOr<Graph> ImportModelGraph(const onnx::GraphProto& proto, ModelContext& context) {
  return GraphImporter(proto, nullptr, context).ImportModelGraph();
}

absl::StatusOr<Graph> ImportSubgraph(const onnx::GraphProto& proto, const Arguments* arguments,
                                     ModelContext& context) {
  return GraphImporter(proto, arguments, context).ImportSubgraph();
}

}  // namespace halftone
