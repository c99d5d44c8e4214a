#include "nn/onnx/export.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/opset.h"
#include "nn/onnx/port_types.h"
#include "nn/onnx/proto.h"
#include "nn/onnx/proto_writer.h"
#include "nn/onnx/qdq_writer.h"
#include "nn/onnx/raise_opset.h"
#include "nn/onnx/schema.h"
#include "nn/onnx/symbolic_batch.h"
#include "nn/quant/shift_biases.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Woverloaded-virtual"
#include <onnx/checker.h>
#pragma GCC diagnostic pop

namespace halftone {
namespace {

// The first opset whose DequantizeLinear has an axis, and the first with HardSwish.
constexpr int64_t kOpsetOfAxis = 13;
constexpr int64_t kOpsetOfHardSwish = 14;

// The network as the search sees it, with its batch symbolic and its inputs and outputs of the
// types as `graph` has them, in an opset that has all that is written.
absl::StatusOr<Graph> Prepare(const Graph& graph) {
  const std::optional<int64_t> fixed = graph.fixed_batch();
  HT_ASSIGN_OR_RETURN(Graph prepared, BindLayers(graph, fixed.value_or(1)));
  if (!fixed.has_value()) {
    HT_ASSIGN_OR_RETURN(const Graph two, BindLayers(graph, 2));
    MakeBatchSymbolic(prepared, two);
  }
  const auto is_hard_swish = [](const Node& node) { return node.op == "HardSwish"; };
  const bool has_hard_swish =
      std::any_of(prepared.nodes.begin(), prepared.nodes.end(), is_hard_swish);
  HT_ASSIGN_OR_RETURN(
      prepared, RaiseOpset(std::move(prepared), has_hard_swish ? kOpsetOfHardSwish : kOpsetOfAxis));
  NameFloat32(prepared);
  RestorePortTypes(graph, prepared);
  return prepared;
}

absl::Status CheckAssignment(const LayerSet& layers, const QuantizedAssignment& assignment) {
  for (const auto& [name, quantizers] : assignment) {
    if (layers.Find(name) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("the network has no layer '", name, "'"));
    }
  }
  return absl::OkStatus();
}

void AddMetadata(const QuantizedAssignment& assignment, onnx::ModelProto& model) {
  model.set_producer_name("halftone");
  model.set_producer_version(HALFTONE_VERSION);
  nlohmann::json precisions = nlohmann::json::object();
  for (const auto& [name, quantizers] : assignment) {
    precisions[name] = quantizers.precision.ToString();
  }
  const auto add = [&](const char* key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("halftone.version", HALFTONE_VERSION);
  add("halftone.assignment", precisions.dump());
}

// Of newer opsets than the library's, whose checker would take their nodes for those it knows.
bool IsBeyondChecker(const onnx::ModelProto& model) {
  const auto& domains = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  return OnnxOpset(model.opset_import()).value_or(0) > domains.at("").second;
}

// Below, a tensor is not worth an entry of another file.
constexpr size_t kLeastExternalBytes = 1024;
constexpr size_t kExternalAlignment = 64;

void SetLocation(onnx::TensorProto& tensor, size_t offset, size_t length) {
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    onnx::StringStringEntryProto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  };
  add("location", kExternalDataFile);
  add("offset", absl::StrCat(offset));
  add("length", absl::StrCat(length));
}

// Takes the elements of large tensors out of the model.
std::string TakeElements(onnx::ModelProto& model) {
  std::string data;
  for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer()) {
    if (tensor.raw_data().size() < kLeastExternalBytes) continue;
    data.resize((data.size() + kExternalAlignment - 1) / kExternalAlignment * kExternalAlignment);
    SetLocation(tensor, data.size(), tensor.raw_data().size());
    data += tensor.raw_data();
    tensor.clear_raw_data();
  }
  return data;
}

absl::Status Check(const onnx::ModelProto& model) {
  try {
    if (!IsBeyondChecker(model)) onnx::checker::check_model(model);
  } catch (const std::exception& error) {
    return absl::InternalError(
        absl::StrCat("the exported model does not pass onnx's checker: ", error.what()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Serialize(const onnx::ModelProto& model) {
  std::string bytes;
  if (!model.SerializeToString(&bytes)) {
    return absl::ResourceExhaustedError("the exported model is larger than 2 GiB");
  }
  return bytes;
}

}  // namespace

absl::StatusOr<ExportedOnnx> ExportQuantizedOnnx(const Graph& graph,
                                                 const QuantizedAssignment& assignment,
                                                 const ExportOptions& options) {
  HT_ASSIGN_OR_RETURN(Graph prepared, Prepare(graph));
  HT_ASSIGN_OR_RETURN(const LayerSet layers, FindLayers(prepared));
  HT_RETURN_IF_ERROR(CheckAssignment(layers, assignment));
  HT_ASSIGN_OR_RETURN(prepared, ShiftBiases(prepared, layers, assignment));

  onnx::ModelProto model = NewModel(prepared);
  QdqWriter writer(prepared, *model.mutable_graph());
  for (const Node& node : prepared.nodes) {
    const auto quantizers = assignment.find(node.name);
    if (quantizers == assignment.end()) {
      writer.AddNode(node);
    } else {
      HT_RETURN_IF_ERROR(writer.AddLayer(node, *layers.Find(node.name), quantizers->second));
    }
  }
  writer.AddInitializers();
  AddMetadata(assignment, model);
  HT_RETURN_IF_ERROR(Check(model));
  ExportedOnnx exported;
  exported.opset = prepared.opset;
  exported.batch = prepared.fixed_batch();
  if (model.ByteSizeLong() > static_cast<size_t>(options.max_file_bytes)) {
    exported.external_data = TakeElements(model);
  }
  HT_ASSIGN_OR_RETURN(exported.bytes, Serialize(model));
  return exported;
}

}  // namespace halftone
