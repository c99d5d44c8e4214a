#include "nn/onnx/import.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "nn/graph/quantized/read_as_float.h"
#include "nn/onnx/finite.h"
#include "nn/onnx/functions.h"
#include "nn/onnx/graph_import.h"
#include "nn/onnx/opset.h"
#include "nn/onnx/proto.h"
#include "nn/onnx/wire_scan.h"

namespace halftone {
namespace {

// Memory for the parsed model beside its strings and raw data; 200,000 nodes need less.
constexpr int64_t kMaxParsingBytes = int64_t{768} << 20;

// The bytes, the parsed message, the tensors, and those that passes over the graph make from them.
constexpr double kCopiesOfModel = 4;

absl::StatusOr<Graph> ImportModel(const onnx::ModelProto& model, const ImportOptions& options) {
  HT_ASSIGN_OR_RETURN(const int64_t opset, ReadOpset(model));
  HT_ASSIGN_OR_RETURN(const FunctionTable functions, FunctionTable::Create(model));
  ModelContext context(options, functions, opset);
  HT_ASSIGN_OR_RETURN(Graph graph, ImportModelGraph(model.graph(), context));
  if (!options.quantized_as_is) {
    HT_ASSIGN_OR_RETURN(graph, ReadAsFloat(std::move(graph)));
  }
  HT_RETURN_IF_ERROR(CheckFinite(graph));
  for (const Port& port : graph.inputs) graph.values[port.name] = port.info;
  for (const auto& [name, tensor] : graph.initializers) {
    graph.values[name] = {tensor.type(), tensor.shape()};
  }
  return graph;
}

absl::StatusOr<onnx::ModelProto> ParseModel(absl::string_view bytes, int64_t max_bytes) {
  const int64_t limit = std::min<int64_t>(max_bytes, INT32_MAX);
  if (static_cast<int64_t>(bytes.size()) > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the model has ", bytes.size(), " bytes, more than ", limit));
  }
  if (bytes.empty()) return absl::InvalidArgumentError("the model is empty");
  HT_RETURN_IF_ERROR(CheckMemory("reading a model of this size",
                                 kCopiesOfModel * static_cast<double>(bytes.size()),
                                 "the network itself needs a higher limit"));
  HT_RETURN_IF_ERROR(ParsingCost(bytes, kMaxParsingBytes).status());
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not an ONNX model: its bytes are no valid protobuf");
  }
  if (!model.has_graph()) return absl::InvalidArgumentError("the model has no graph");
  return model;
}

// What it throws, as a status.
template <typename Function>
auto Guarded(const Function& function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("not enough memory to read the model");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("cannot read the model: ", error.what()));
  }
}

// Collects where tensors lie that are not in the file.
class ExternalLocations {
 public:
  void Add(const onnx::GraphProto& graph) {
    for (const onnx::TensorProto& tensor : graph.initializer()) Add(tensor);
    Add(graph.node());
  }
  void Add(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes) {
    for (const onnx::NodeProto& node : nodes) {
      for (const onnx::AttributeProto& attribute : node.attribute()) {
        if (attribute.has_t()) Add(attribute.t());
        if (attribute.has_g()) Add(attribute.g());
      }
    }
  }
  std::vector<std::string> Take() const { return {locations_.begin(), locations_.end()}; }

 private:
  void Add(const onnx::TensorProto& tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return;
    for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
      if (entry.key() == "location") locations_.insert(entry.value());
    }
  }

  std::set<std::string> locations_;
};

}  // namespace

absl::StatusOr<double> ModelReadingBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const int64_t parsing, ParsingCost(bytes, kMaxParsingBytes));
  return kCopiesOfModel * static_cast<double>(bytes.size()) + static_cast<double>(parsing);
}

absl::StatusOr<Graph> ImportOnnx(absl::string_view bytes, const ImportOptions& options) {
  return Guarded([&]() -> absl::StatusOr<Graph> {
    HT_ASSIGN_OR_RETURN(const onnx::ModelProto model, ParseModel(bytes, options.max_model_bytes));
    return ImportModel(model, options);
  });
}

absl::StatusOr<std::vector<std::string>> ExternalLocationsOf(absl::string_view bytes) {
  return Guarded([&]() -> absl::StatusOr<std::vector<std::string>> {
    HT_ASSIGN_OR_RETURN(const onnx::ModelProto model,
                        ParseModel(bytes, ImportOptions().max_model_bytes));
    ExternalLocations locations;
    locations.Add(model.graph());
    for (const onnx::FunctionProto& function : model.functions()) {
      locations.Add(function.node());
    }
    return locations.Take();
  });
}

absl::StatusOr<Graph> ImportOnnxFile(const std::string& path) {
  ImportOptions options;
  HT_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, options.max_model_bytes));
  const size_t slash = path.rfind('/');
  options.external_data = std::make_shared<ExternalFolder>(
      slash == std::string::npos ? "." : path.substr(0, slash + 1));
  absl::StatusOr<Graph> graph = ImportOnnx(bytes, options);
  if (!graph.ok()) return Annotate(graph.status(), absl::StrCat("'", path, "'"));
  return graph;
}

}  // namespace halftone
