#include "nn/onnx/import.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/onnx/finite.h"
#include "nn/onnx/names.h"
#include "nn/onnx/node_import.h"
#include "nn/onnx/opset.h"
#include "nn/onnx/proto.h"
#include "nn/onnx/tensor_import.h"
#include "nn/onnx/topological_order.h"
#include "nn/onnx/wire_scan.h"

namespace halftone {
namespace {

// Memory for the parsed model beside its strings and raw data; 200,000 nodes need less.
constexpr int64_t kMaxParsingBytes = int64_t{768} << 20;

// The bytes, the parsed message, the tensors, and those that passes over the graph make from them.
constexpr double kCopiesOfModel = 4;

// Builds one Graph from one ModelProto.
class Importer {
 public:
  Importer(const onnx::ModelProto& model, const ImportOptions& options)
      : model_(model),
        proto_(model.graph()),
        options_(options),
        tensors_(options.external_data_folder, options.max_model_bytes) {}

  absl::StatusOr<Graph> Import();

 private:
  absl::Status AddInitializers();
  absl::Status AddInitializer(const std::string& name, Tensor tensor);
  absl::Status AddInputs();
  absl::Status AddOutputs();
  absl::Status AddNodes();
  absl::Status NameNode(Node& node, int position);
  absl::Status Raise(Node& node);
  absl::StatusOr<Port> ImportPort(const onnx::ValueInfoProto& proto, absl::string_view what);

  const onnx::ModelProto& model_;
  const onnx::GraphProto& proto_;
  const ImportOptions& options_;
  TensorImporter tensors_;
  int64_t file_opset_ = 0;
  Graph graph_;
  absl::flat_hash_set<std::string> node_names_, file_names_;  // given so far; in the file
  absl::flat_hash_map<std::string, int> suffixes_;            // the last one tried, by name
};

absl::Status Importer::AddInitializer(const std::string& name, Tensor tensor) {
  HT_RETURN_IF_ERROR(CheckName(name, "name of an initializer"));
  if (name.empty()) return absl::InvalidArgumentError("an initializer has no name");
  if (!graph_.initializers.emplace(name, std::move(tensor)).second) {
    return absl::InvalidArgumentError(absl::StrCat("initializer '", name, "' occurs twice"));
  }
  return absl::OkStatus();
}

absl::Status Importer::AddInitializers() {
  if (proto_.sparse_initializer_size() > 0) {
    return absl::UnimplementedError("the model has sparse initializers");
  }
  for (const onnx::TensorProto& proto : proto_.initializer()) {
    absl::StatusOr<Tensor> tensor = tensors_.Import(proto);
    if (!tensor.ok()) {
      return Annotate(tensor.status(), absl::StrCat("initializer '", Excerpt(proto.name()), "'"));
    }
    HT_RETURN_IF_ERROR(AddInitializer(proto.name(), *std::move(tensor)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Port> Importer::ImportPort(const onnx::ValueInfoProto& proto,
                                          absl::string_view what) {
  HT_RETURN_IF_ERROR(CheckName(proto.name(), absl::StrCat("name of a graph ", what)));
  absl::StatusOr<ValueInfo> info = ImportType(proto.type());
  if (!info.ok()) return Annotate(info.status(), absl::StrCat(what, " '", proto.name(), "'"));
  Port port{proto.name(), *std::move(info)};
  for (const auto& dim : proto.type().tensor_type().shape().dim()) {
    HT_RETURN_IF_ERROR(CheckName(dim.dim_param(), absl::StrCat("name of an axis of ", what)));
    port.axis_names.push_back(dim.has_dim_value() ? "" : dim.dim_param());
  }
  return port;
}

absl::Status Importer::AddInputs() {
  for (const onnx::ValueInfoProto& proto : proto_.input()) {
    // Before IR version 4 initializers were listed among the inputs.
    if (graph_.initializers.count(proto.name()) > 0) continue;
    HT_ASSIGN_OR_RETURN(Port port, ImportPort(proto, "input"));
    if (!proto.type().tensor_type().has_shape()) {
      return absl::InvalidArgumentError(absl::StrCat("input '", proto.name(), "' has no shape"));
    }
    for (int axis = 0; axis < port.info.shape.rank(); ++axis) {
      if (port.info.shape.dim(axis) != 0 || options_.empty_inputs) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("input '", proto.name(), "': axis ", axis, " has the size 0"));
    }
    graph_.inputs.push_back(std::move(port));
  }
  return absl::OkStatus();
}

absl::Status Importer::AddOutputs() {
  for (const onnx::ValueInfoProto& proto : proto_.output()) {
    HT_RETURN_IF_ERROR(CheckName(proto.name(), "name of a graph output"));
    Port port{proto.name(), {}};
    if (proto.type().tensor_type().has_shape()) {
      HT_ASSIGN_OR_RETURN(port, ImportPort(proto, "output"));
    }
    graph_.outputs.push_back(std::move(port));
  }
  return absl::OkStatus();
}

// The file's own name, or one made of operator and position; a number is added where that is taken,
// or where another node of the file has it.
absl::Status Importer::NameNode(Node& node, int position) {
  HT_RETURN_IF_ERROR(CheckName(node.name, "name of a node"));
  const bool unnamed = node.name.empty();
  const std::string wanted = unnamed ? absl::StrCat(node.op, "_", position) : node.name;
  node.name = wanted;
  bool taken = node_names_.contains(wanted) || (unnamed && file_names_.contains(wanted));
  while (taken) {
    node.name = absl::StrCat(wanted, "_", ++suffixes_[wanted]);
    taken = node_names_.contains(node.name) || file_names_.contains(node.name);
  }
  node_names_.insert(node.name);
  return absl::OkStatus();
}

absl::Status Importer::Raise(Node& node) {
  absl::StatusOr<std::optional<Tensor>> constant = RaiseNode(file_opset_, node);
  if (!constant.ok()) return Annotate(constant.status(), absl::StrCat("node '", node.name, "'"));
  if (!constant->has_value()) return absl::OkStatus();
  node.inputs.back() = absl::StrCat(node.outputs[0], "/scales");
  return AddInitializer(node.inputs.back(), **std::move(constant));
}

absl::Status Importer::AddNodes() {
  if (proto_.node_size() > options_.max_nodes) {
    return absl::ResourceExhaustedError(absl::StrCat("the model has ", proto_.node_size(),
                                                     " nodes, more than ", options_.max_nodes));
  }
  for (const onnx::NodeProto& proto : proto_.node()) file_names_.insert(proto.name());
  for (int i = 0; i < proto_.node_size(); ++i) {
    HT_ASSIGN_OR_RETURN(Node node, ImportNode(proto_.node(i), tensors_));
    HT_RETURN_IF_ERROR(NameNode(node, i));
    HT_RETURN_IF_ERROR(Raise(node));
    if (node.op != "Constant" || !node.domain.empty()) {
      graph_.nodes.push_back(std::move(node));
      continue;
    }
    absl::StatusOr<Tensor> tensor = ConstantValue(node);
    if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("node '", node.name, "'"));
    HT_RETURN_IF_ERROR(AddInitializer(node.outputs[0], *std::move(tensor)));
  }
  return SortTopologically(graph_.nodes);
}

absl::StatusOr<Graph> Importer::Import() {
  HT_ASSIGN_OR_RETURN(file_opset_, ReadOpset(model_));
  graph_.opset = std::max(file_opset_, kOldestGraphOpset);
  HT_RETURN_IF_ERROR(CheckName(proto_.name(), "graph's name"));
  graph_.name = proto_.name();
  HT_RETURN_IF_ERROR(AddInitializers());
  HT_RETURN_IF_ERROR(AddInputs());
  HT_RETURN_IF_ERROR(AddOutputs());
  HT_RETURN_IF_ERROR(AddNodes());
  HT_RETURN_IF_ERROR(CheckGraph(graph_));
  HT_RETURN_IF_ERROR(CheckFinite(graph_));
  for (const Port& port : graph_.inputs) graph_.values[port.name] = port.info;
  for (const auto& [name, tensor] : graph_.initializers) {
    graph_.values[name] = {tensor.type(), tensor.shape()};
  }
  return std::move(graph_);
}

absl::StatusOr<Graph> ImportParsed(absl::string_view bytes, const ImportOptions& options) {
  const int64_t limit = std::min<int64_t>(options.max_model_bytes, INT32_MAX);
  if (static_cast<int64_t>(bytes.size()) > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the model has ", bytes.size(), " bytes, more than ", limit));
  }
  if (bytes.empty()) return absl::InvalidArgumentError("the model is empty");
  HT_RETURN_IF_ERROR(CheckMemory("reading a model of this size",
                                 kCopiesOfModel * static_cast<double>(bytes.size()),
                                 "the network itself needs a higher limit"));
  HT_RETURN_IF_ERROR(CheckParsingCost(bytes, kMaxParsingBytes));
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not an ONNX model: its bytes are no valid protobuf");
  }
  if (!model.has_graph()) return absl::InvalidArgumentError("the model has no graph");
  return Importer(model, options).Import();
}

}  // namespace

absl::StatusOr<Graph> ImportOnnx(absl::string_view bytes, const ImportOptions& options) {
  try {
    return ImportParsed(bytes, options);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("not enough memory to read the model");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("cannot read the model: ", error.what()));
  }
}

absl::StatusOr<Graph> ImportOnnxFile(const std::string& path) {
  ImportOptions options;
  HT_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, options.max_model_bytes));
  const size_t slash = path.rfind('/');
  options.external_data_folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  absl::StatusOr<Graph> graph = ImportOnnx(bytes, options);
  if (!graph.ok()) return Annotate(graph.status(), absl::StrCat("'", path, "'"));
  return graph;
}

}  // namespace halftone
