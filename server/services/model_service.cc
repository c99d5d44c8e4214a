#include "server/services/model_service.h"

#include "base/memory_reservation.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/data/resolve_inputs.h"
#include "nn/graph/inspect.h"
#include "server/convert/input_binding.h"
#include "server/convert/output_heads.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"
#include "server/services/reactors.h"
#include "server/services/reading_bytes.h"
#include "server/services/removal_calls.h"
#include "server/services/search_calls.h"
#include "server/services/upload_reactor.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string NameOf(const v1::Model&, const std::string& sha256) { return ModelName(sha256); }
std::string NameOf(const v1::Dataset&, const std::string& sha256) { return DatasetName(sha256); }
std::string NameOf(const v1::TargetFile&, const std::string& sha256) {
  return TargetFileName(sha256);
}

v1::ErrorReason NotFound(ContentKind kind) {
  if (kind == ContentKind::kTargetFile) return v1::TARGET_FILE_NOT_FOUND;
  return kind == ContentKind::kModel ? v1::MODEL_NOT_FOUND : v1::DATASET_NOT_FOUND;
}

template <typename Message>
void FillRecord(const ContentRecord& record, Message* out) {
  out->set_name(NameOf(*out, record.sha256));
  out->set_display_name(record.display_name);
  out->set_size_bytes(record.size_bytes);
  out->mutable_create_time()->set_seconds(absl::ToUnixSeconds(record.create_time));
}

void AddFile(const ModelFile& file, v1::Model* out) {
  v1::ModelFile& message = *out->add_files();
  message.set_path(file.path);
  message.set_size_bytes(file.size_bytes);
  message.set_sha256(file.sha256);
}
template <typename Message>
void AddFile(const ModelFile&, Message*) {}

// All files of it; tells which, where there are several.
template <typename Message>
absl::Status CheckIntact(const ServiceContext& context, ContentKind kind, const std::string& sha256,
                         Message* out) {
  HT_RETURN_IF_ERROR(context.blobs->CheckIntact(sha256));
  if (kind != ContentKind::kModel) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::vector<ModelFile> files, context.ModelFilesOf(sha256));
  for (const ModelFile& file : files) {
    HT_RETURN_IF_ERROR(Annotate(context.blobs->CheckIntact(file.sha256), file.path));
    AddFile(file, out);
  }
  return absl::OkStatus();
}

template <typename Message>
absl::Status GetContent(const ServiceContext& context, ContentKind kind, const std::string& name,
                        const absl::StatusOr<std::string>& sha256, Message* response) {
  if (!sha256.ok()) return AtField("name", sha256.status());
  const absl::StatusOr<ContentRecord> record = context.catalog->Find(kind, *sha256);
  if (!record.ok()) return AboutResource(name, WithReason(NotFound(kind), record.status()));
  // Who asks whether it is there will want to send it again.
  const absl::Status intact = CheckIntact(context, kind, *sha256, response);
  if (!intact.ok()) return AboutResource(name, AsLost(name, intact, kSendItAgain));
  FillRecord(*record, response);
  return absl::OkStatus();
}

template <typename Request, typename Response, typename Add>
absl::Status ListContents(const ServiceContext& context, ContentKind kind, const Request& request,
                          Response* response, const Add& add) {
  HT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  const absl::StatusOr<ContentPage> page =
      context.catalog->List(kind, page_size, request.page_token());
  if (absl::IsInvalidArgument(page.status())) {
    return AtField("page_token", WithReason(v1::PAGE_TOKEN_INVALID, page.status()));
  }
  HT_RETURN_IF_ERROR(page.status());
  for (const ContentRecord& record : page->contents) FillRecord(record, add());
  response->set_next_page_token(page->next_page_token);
  return absl::OkStatus();
}

void FillShape(const json& shape, google::protobuf::RepeatedField<int64_t>* out) {
  for (const json& dimension : shape) out->Add(dimension.get<int64_t>());
}

// The document of InspectToJson as a message.
void FillInspection(const json& document, v1::InspectModelResponse* response) {
  for (const json& layer : document.at("layers")) {
    v1::ModelLayer* out = response->add_layers();
    out->set_name(layer.at("name").get<std::string>());
    out->set_op(layer.at("op").get<std::string>());
    out->set_weights(layer.at("weights").get<std::string>());
    out->set_macs(layer.at("macs").get<int64_t>());
    out->set_parameters(layer.at("parameters").get<int64_t>());
    FillShape(layer.at("src_shape"), out->mutable_src_shape());
    FillShape(layer.at("weights_shape"), out->mutable_weights_shape());
    FillShape(layer.at("dst_shape"), out->mutable_dst_shape());
    out->set_tie_group(layer.at("tie_group").get<std::string>());
  }
  for (const json& tie : document.at("ties")) {
    v1::Tie* out = response->add_ties();
    for (const json& layer : tie.at("layers")) out->add_layers(layer.get<std::string>());
    out->set_reason(tie.at("reason").get<std::string>());
  }
  for (const json& node : document.at("unsupported")) {
    v1::UnsupportedNode* out = response->add_unsupported();
    out->set_node(node.at("node").get<std::string>());
    out->set_op(node.at("op").get<std::string>());
    out->set_reason(node.at("reason").get<std::string>());
  }
  response->set_result_json(document.dump());
}

// 0 where there is none: whoever loads it says so.
absl::StatusOr<double> StoredReadingBytes(const ServiceContext& context, ContentKind kind,
                                          const std::string& name,
                                          const absl::StatusOr<std::string>& sha256,
                                          const Cancellation& cancellation) {
  if (!sha256.ok() || !context.catalog->Find(kind, *sha256).ok()) return 0;
  const absl::StatusOr<int64_t> size = context.blobs->Size(*sha256);
  if (!size.ok()) return 0;
  return ReadingBytes(
      kind, *size, [&] { return context.LoadStored(name, *sha256, kSendItAgain); },
      context.limits.patience_for_memory, cancellation);
}

absl::StatusOr<MemoryReservation> RoomToInspect(const ServiceContext& context,
                                                const v1::InspectModelRequest& request,
                                                const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(double needed,
                      StoredReadingBytes(context, ContentKind::kModel, request.name(),
                                         ParseModelName(request.name()), cancellation));
  if (!request.dataset().empty()) {
    HT_ASSIGN_OR_RETURN(const double data,
                        StoredReadingBytes(context, ContentKind::kDataset, request.dataset(),
                                           ParseDatasetName(request.dataset()), cancellation));
    needed += data;
  }
  return MemoryReservation::Take(needed, context.limits.patience_for_memory, cancellation);
}

absl::StatusOr<json> Inspect(const ServiceContext& context,
                             const v1::InspectModelRequest& request) {
  InputBinding binding;
  InspectOptions options;
  HT_ASSIGN_FIELD(options.heads, "heads", HeadsFromProto(request.heads()));
  HT_ASSIGN_FIELD(binding, "inputs", InputBindingFromProto(request.inputs()));
  HT_ASSIGN_OR_RETURN(Graph graph, context.LoadModel("name", request.name()));
  std::optional<Dataset> data;
  if (!request.dataset().empty()) {
    HT_ASSIGN_OR_RETURN(data, context.LoadDataset("dataset", request.dataset()));
    if (data->has_labels()) options.labels = data->labels();
  }
  HT_ASSIGN_OR_RETURN(
      graph, ResolveWherePossible(std::move(graph), binding, data.has_value() ? &*data : nullptr));
  return InspectToJson(graph, options);
}

}  // namespace

grpc::ServerReadReactor<grpc::ByteBuffer>* ModelService::UploadModel(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* response) {
  return new UploadReactor<v1::UploadModelRequest, v1::Model>(
      context_, ContentKind::kModel, "UploadModel", response, FillRecord<v1::Model>);
}

grpc::ServerReadReactor<grpc::ByteBuffer>* ModelService::UploadDataset(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* response) {
  return new UploadReactor<v1::UploadDatasetRequest, v1::Dataset>(
      context_, ContentKind::kDataset, "UploadDataset", response, FillRecord<v1::Dataset>);
}

grpc::ServerReadReactor<grpc::ByteBuffer>* ModelService::UploadTargetFile(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* response) {
  return new UploadReactor<v1::UploadTargetFileRequest, v1::TargetFile>(
      context_, ContentKind::kTargetFile, "UploadTargetFile", response, FillRecord<v1::TargetFile>);
}

grpc::ServerUnaryReactor* ModelService::GetModel(grpc::CallbackServerContext* context,
                                                 const v1::GetModelRequest* request,
                                                 v1::Model* response) {
  return AnswerNow(context, "GetModel", [&] {
    return GetContent(*context_, ContentKind::kModel, request->name(),
                      ParseModelName(request->name()), response);
  });
}

grpc::ServerUnaryReactor* ModelService::GetDataset(grpc::CallbackServerContext* context,
                                                   const v1::GetDatasetRequest* request,
                                                   v1::Dataset* response) {
  return AnswerNow(context, "GetDataset", [&] {
    return GetContent(*context_, ContentKind::kDataset, request->name(),
                      ParseDatasetName(request->name()), response);
  });
}

grpc::ServerUnaryReactor* ModelService::GetTargetFile(grpc::CallbackServerContext* context,
                                                      const v1::GetTargetFileRequest* request,
                                                      v1::TargetFile* response) {
  return AnswerNow(context, "GetTargetFile", [&] {
    return GetContent(*context_, ContentKind::kTargetFile, request->name(),
                      ParseTargetFileName(request->name()), response);
  });
}

grpc::ServerUnaryReactor* ModelService::ListModels(grpc::CallbackServerContext* context,
                                                   const v1::ListModelsRequest* request,
                                                   v1::ListModelsResponse* response) {
  return AnswerNow(context, "ListModels", [&] {
    return ListContents(*context_, ContentKind::kModel, *request, response,
                        [&] { return response->add_models(); });
  });
}

grpc::ServerUnaryReactor* ModelService::ListDatasets(grpc::CallbackServerContext* context,
                                                     const v1::ListDatasetsRequest* request,
                                                     v1::ListDatasetsResponse* response) {
  return AnswerNow(context, "ListDatasets", [&] {
    return ListContents(*context_, ContentKind::kDataset, *request, response,
                        [&] { return response->add_datasets(); });
  });
}

grpc::ServerUnaryReactor* ModelService::DeleteModel(grpc::CallbackServerContext* context,
                                                    const v1::DeleteModelRequest* request,
                                                    v1::Removal* response) {
  return WorkReactor::Start(context, "DeleteModel", context_->pool,
                            [this, request, response](const Cancellation&) {
                              return halftone::DeleteModel(*context_, *request, response);
                            });
}

grpc::ServerUnaryReactor* ModelService::DeleteDataset(grpc::CallbackServerContext* context,
                                                      const v1::DeleteDatasetRequest* request,
                                                      v1::Removal* response) {
  return WorkReactor::Start(context, "DeleteDataset", context_->pool,
                            [this, request, response](const Cancellation&) {
                              return halftone::DeleteDataset(*context_, *request, response);
                            });
}

grpc::ServerUnaryReactor* ModelService::CollectGarbage(grpc::CallbackServerContext* context,
                                                       const v1::CollectGarbageRequest* request,
                                                       v1::Removal* response) {
  return WorkReactor::Start(context, "CollectGarbage", context_->pool,
                            [this, request, response](const Cancellation&) {
                              return halftone::CollectGarbage(*context_, *request, response);
                            });
}

grpc::ServerUnaryReactor* ModelService::InspectModel(grpc::CallbackServerContext* context,
                                                     const v1::InspectModelRequest* request,
                                                     v1::InspectModelResponse* response) {
  return WorkReactor::Start(
      context, "InspectModel", context_->inspectors,
      [this, request, response](const Cancellation& cancellation) -> absl::Status {
        HT_ASSIGN_OR_RETURN(const MemoryReservation room,
                            RoomToInspect(*context_, *request, cancellation));
        HT_ASSIGN_OR_RETURN(const json document, Inspect(*context_, *request));
        FillInspection(document, response);
        return absl::OkStatus();
      });
}

}  // namespace halftone
