#include "nn/onnx/import.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
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
  HT_RETURN_IF_ERROR(CheckFinite(graph));
  for (const Port& port : graph.inputs) graph.values[port.name] = port.info;
  for (const auto& [name, tensor] : graph.initializers) {
    graph.values[name] = {tensor.type(), tensor.shape()};
  }
  return graph;
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
  HT_RETURN_IF_ERROR(ParsingCost(bytes, kMaxParsingBytes).status());
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not an ONNX model: its bytes are no valid protobuf");
  }
  if (!model.has_graph()) return absl::InvalidArgumentError("the model has no graph");
  return ImportModel(model, options);
}

}  // namespace

absl::StatusOr<double> ModelReadingBytes(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(const int64_t parsing, ParsingCost(bytes, kMaxParsingBytes));
  return kCopiesOfModel * static_cast<double>(bytes.size()) + static_cast<double>(parsing);
}

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
