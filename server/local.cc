#include "server/local.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/data/resolve_inputs.h"
#include "nn/graph/inspect.h"
#include "nn/onnx/external_data.h"
#include "nn/onnx/import.h"
#include "nn/onnx/model_files.h"
#include "profilers/builtin.h"
#include "server/convert/input_binding.h"
#include "server/convert/output_heads.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/services/analysis_calls.h"
#include "server/services/service_context.h"

namespace halftone::local {
namespace {

absl::StatusOr<std::optional<Dataset>> ReadData(const std::string& path) {
  if (path.empty()) return std::nullopt;
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<Dataset> dataset = WithReason(v1::DATASET_INVALID, Dataset::FromNpz(bytes));
  if (!dataset.ok()) return Annotate(dataset.status(), absl::StrCat("'", path, "'"));
  return *std::move(dataset);
}

const Dataset* PointerTo(const std::optional<Dataset>& data) {
  return data.has_value() ? &*data : nullptr;
}

}  // namespace

absl::StatusOr<std::string> InspectFile(const std::string& path,
                                        const v1::InspectModelRequest& request,
                                        const std::string& data) {
  InputBinding binding;
  HT_ASSIGN_FIELD(binding, "inputs", InputBindingFromProto(request.inputs()));
  InspectOptions options;
  HT_ASSIGN_FIELD(options.heads, "heads", HeadsFromProto(request.heads()));
  HT_ASSIGN_OR_RETURN(Graph graph, ImportOnnxFile(path));
  HT_ASSIGN_OR_RETURN(const std::optional<Dataset> dataset, ReadData(data));
  if (dataset.has_value() && dataset->has_labels()) options.labels = dataset->labels();
  HT_ASSIGN_OR_RETURN(graph, ResolveWherePossible(std::move(graph), binding, PointerTo(dataset)));
  HT_ASSIGN_OR_RETURN(const nlohmann::json document, InspectToJson(graph, options));
  return document.dump();
}

absl::Status CheckModel(const std::string& path, const v1::InputBinding& inputs,
                        const google::protobuf::Map<std::string, v1::OutputHead>& heads,
                        const std::vector<std::string>& data) {
  AskedHeads asked;
  HT_ASSIGN_FIELD(asked, "heads", HeadsFromProto(heads));
  HT_ASSIGN_OR_RETURN(Graph graph, WithReason(v1::MODEL_INVALID, ImportOnnxFile(path)));
  HT_ASSIGN_OR_RETURN(const std::optional<Dataset> first,
                      ReadData(data.empty() ? "" : data.front()));
  HT_ASSIGN_OR_RETURN(const PreparedNetwork network,
                      PrepareModel(std::move(graph), inputs, asked, PointerTo(first)));
  for (size_t i = 0; i < data.size(); ++i) {
    if (data[i].empty()) continue;
    HT_ASSIGN_OR_RETURN(const std::optional<Dataset> read, i == 0 ? first : ReadData(data[i]));
    HT_RETURN_IF_ERROR(Annotate(ServiceContext::CheckFits(network, "data", *read),
                                absl::StrCat("'", data[i], "'")));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::UploadHeader> DescribeModelFiles(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::vector<ModelFile> files, FindModelFiles(path));
  v1::UploadHeader header;
  for (const ModelFile& file : files) {
    v1::ModelFile& message = *header.add_files();
    message.set_path(file.path);
    message.set_size_bytes(file.size_bytes);
    message.set_sha256(file.sha256);
    header.set_size_bytes(header.size_bytes() + file.size_bytes);
  }
  header.set_sha256(Sha256Hex(ManifestOf(files)));
  return header;
}

absl::StatusOr<std::string> ReadModelFile(const std::string& path, const std::string& file,
                                          int64_t offset, int64_t length) {
  const size_t slash = path.rfind('/');
  const ExternalFolder folder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
  HT_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, folder.Read({file, offset, length}));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

absl::StatusOr<v1::SolveProblemResponse> SolveProblem(const v1::SolveProblemRequest& request,
                                                      const Cancellation& cancellation) {
  v1::SolveProblemResponse response;
  HT_RETURN_IF_ERROR(halftone::SolveProblem(request, &response, cancellation));
  return response;
}

absl::StatusOr<v1::ListTargetsResponse> ListTargets() {
  ProfilerRegistry profilers;
  HT_RETURN_IF_ERROR(RegisterBuiltinProfilers(profilers, nullptr));
  ServiceContext context = {};
  context.profilers = &profilers;
  v1::ListTargetsResponse response;
  halftone::ListTargets(context, &response);
  return response;
}

v1::GetVersionResponse GetVersion() {
  v1::GetVersionResponse response;
  halftone::GetVersion(&response);
  return response;
}

}  // namespace halftone::local
