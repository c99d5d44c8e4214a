#include "server/local.h"

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
#include "server/services/analysis_calls.h"

namespace halftone::local {

absl::StatusOr<std::string> InspectFile(const std::string& path,
                                        const v1::InspectModelRequest& request,
                                        const std::string& data) {
  InputBinding binding;
  HT_ASSIGN_FIELD(binding, "inputs", InputBindingFromProto(request.inputs()));
  InspectOptions options;
  HT_ASSIGN_FIELD(options.heads, "heads", HeadsFromProto(request.heads()));
  HT_ASSIGN_OR_RETURN(Graph graph, ImportOnnxFile(path));
  std::optional<Dataset> dataset;
  if (!data.empty()) {
    HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(data));
    HT_ASSIGN_OR_RETURN(dataset, Dataset::FromNpz(bytes));
    if (dataset->has_labels()) options.labels = dataset->labels();
  }
  HT_ASSIGN_OR_RETURN(graph, ResolveWherePossible(std::move(graph), binding,
                                                  dataset.has_value() ? &*dataset : nullptr));
  HT_ASSIGN_OR_RETURN(const nlohmann::json document, InspectToJson(graph, options));
  return document.dump();
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
