#include "server/services/service_context.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/data/npz.h"
#include "nn/data/resolve_inputs.h"
#include "profilers/remote/protocol.h"
#include "search/sensitivity/network_program.h"
#include "search/stored_model.h"
#include "server/convert/input_binding.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"

namespace halftone {

absl::StatusOr<PreparedNetwork> PrepareModel(Graph graph, const v1::InputBinding& inputs,
                                             const AskedHeads& heads, const Dataset* data) {
  InputBinding binding;
  HT_ASSIGN_FIELD(binding, "inputs", InputBindingFromProto(inputs));
  HT_ASSIGN_OR_RETURN(graph, ResolveInputs(std::move(graph), binding, data));
  return PrepareNetwork(graph, heads);
}

absl::StatusOr<std::string> ServiceContext::LoadStored(const std::string& resource,
                                                       const std::string& sha256,
                                                       absl::string_view remedy) const {
  absl::StatusOr<std::string> bytes = blobs->Load(sha256);
  if (bytes.ok()) return bytes;
  return AboutResource(resource, AsLost(resource, bytes.status(), remedy));
}

absl::StatusOr<Graph> ServiceContext::LoadModel(absl::string_view field,
                                                const std::string& name) const {
  const absl::StatusOr<std::string> sha256 = ParseModelName(name);
  if (!sha256.ok()) return AtField(field, sha256.status());
  HT_RETURN_IF_ERROR(CheckUploaded(field, ContentKind::kModel, *sha256));
  absl::Status loaded;
  absl::StatusOr<Graph> graph = ImportStoredModel(*sha256, [&](const std::string& blob) {
    absl::StatusOr<std::string> bytes = LoadStored(name, blob, kSendItAgain);
    loaded.Update(bytes.status());
    return bytes;
  });
  if (!loaded.ok()) return graph.status();
  if (!graph.ok()) return AboutResource(name, WithReason(v1::MODEL_INVALID, graph.status()));
  return graph;
}

absl::StatusOr<std::vector<ModelFile>> ServiceContext::ModelFilesOf(
    const std::string& sha256) const {
  HT_ASSIGN_OR_RETURN(const int64_t size, blobs->Size(sha256));
  if (size > kMaxManifestBytes) return std::vector<ModelFile>();
  HT_ASSIGN_OR_RETURN(const std::string bytes, blobs->Load(sha256));
  return ParseManifest(bytes).value_or(std::vector<ModelFile>());
}

absl::StatusOr<PreparedNetwork> ServiceContext::LoadNetwork(absl::string_view field,
                                                            const std::string& name,
                                                            const v1::InputBinding& inputs,
                                                            const AskedHeads& heads,
                                                            const Dataset* data) const {
  HT_ASSIGN_OR_RETURN(Graph graph, LoadModel(field, name));
  return PrepareModel(std::move(graph), inputs, heads, data);
}

absl::StatusOr<std::string> ServiceContext::LoadDatasetBytes(absl::string_view field,
                                                             const std::string& name) const {
  const absl::StatusOr<std::string> sha256 = ParseDatasetName(name);
  if (!sha256.ok()) return AtField(field, sha256.status());
  HT_RETURN_IF_ERROR(CheckUploaded(field, ContentKind::kDataset, *sha256));
  return LoadStored(name, *sha256, kSendItAgain);
}

absl::StatusOr<std::map<std::string, Tensor>> ServiceContext::LoadArrays(
    absl::string_view field, const std::string& name) const {
  HT_ASSIGN_OR_RETURN(const std::string bytes, LoadDatasetBytes(field, name));
  absl::StatusOr<std::map<std::string, Tensor>> arrays = ReadNpz(bytes);
  if (!arrays.ok()) return AboutResource(name, WithReason(v1::DATASET_INVALID, arrays.status()));
  return arrays;
}

absl::StatusOr<Dataset> ServiceContext::LoadDataset(absl::string_view field,
                                                    const std::string& name) const {
  HT_ASSIGN_OR_RETURN(const std::string bytes, LoadDatasetBytes(field, name));
  absl::StatusOr<Dataset> dataset = Dataset::FromNpz(bytes);
  if (!dataset.ok()) return AboutResource(name, WithReason(v1::DATASET_INVALID, dataset.status()));
  return dataset;
}

absl::Status ServiceContext::CheckFits(const PreparedNetwork& network, absl::string_view field,
                                       const Dataset& data) {
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.BatchFor(1, data.samples())));
  return AtField(field, CheckData(network, graph, data, /*needs_labels=*/false));
}

absl::Status ServiceContext::CheckUploaded(absl::string_view field, ContentKind kind,
                                           const std::string& sha256) const {
  const bool model = kind == ContentKind::kModel;
  const absl::Status found = WithReason(model ? v1::MODEL_NOT_FOUND : v1::DATASET_NOT_FOUND,
                                        catalog->Find(kind, sha256).status());
  return AtField(field, AboutResource(model ? ModelName(sha256) : DatasetName(sha256), found));
}

bool ServiceContext::IsElsewhere(const std::string& target) const {
  return absl::StartsWith(target, kProfilerScheme) || (remotes != nullptr && remotes->Has(target));
}

absl::StatusOr<std::unique_ptr<CostProfiler>> ServiceContext::CreateProfiler(
    absl::string_view field, const std::string& target) const {
  absl::StatusOr<std::unique_ptr<CostProfiler>> profiler =
      WithReason(v1::TARGET_INVALID, WithReason(v1::TARGET_NOT_FOUND, MakeProfiler(target)));
  if (!profiler.ok()) return AtField(field, profiler.status());
  return profiler;
}

absl::StatusOr<std::unique_ptr<CostProfiler>> ServiceContext::MakeProfiler(
    const std::string& target) const {
  const absl::string_view plain = absl::string_view(target).substr(0, target.find('?'));
  if (absl::EndsWith(plain, ".json") || absl::EndsWith(plain, ".csv")) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(plain),
                     ": a server does not read targets from its own files; upload it with "
                     "UploadTargetFile, or ask ListTargets for names"));
  }
  if (absl::StartsWith(target, kProfilerScheme) && !limits.target_addresses) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(target),
                     ": a server does not connect to addresses that its clients name; "
                     "profilers register with it, and ListTargets tells their names"));
  }
  return profilers->Create(target);
}

}  // namespace halftone
