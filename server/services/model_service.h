#ifndef HALFTONE_SERVER_SERVICES_MODEL_SERVICE_H_
#define HALFTONE_SERVER_SERVICES_MODEL_SERVICE_H_

#include "halftone/v1/model_service.grpc.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// Uploads and what is known of them: see model_service.proto for what each call promises.
class ModelService final : public v1::ModelService::CallbackService {
 public:
  explicit ModelService(const ServiceContext* context) : context_(context) {}

  grpc::ServerReadReactor<v1::UploadModelRequest>* UploadModel(grpc::CallbackServerContext* context,
                                                               v1::Model* response) override;
  grpc::ServerReadReactor<v1::UploadDatasetRequest>* UploadDataset(
      grpc::CallbackServerContext* context, v1::Dataset* response) override;
  grpc::ServerReadReactor<v1::UploadTargetFileRequest>* UploadTargetFile(
      grpc::CallbackServerContext* context, v1::TargetFile* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const v1::GetModelRequest* request,
                                     v1::Model* response) override;
  grpc::ServerUnaryReactor* GetDataset(grpc::CallbackServerContext* context,
                                       const v1::GetDatasetRequest* request,
                                       v1::Dataset* response) override;
  grpc::ServerUnaryReactor* GetTargetFile(grpc::CallbackServerContext* context,
                                          const v1::GetTargetFileRequest* request,
                                          v1::TargetFile* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* context,
                                         const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteModel(grpc::CallbackServerContext* context,
                                        const v1::DeleteModelRequest* request,
                                        v1::Removal* response) override;
  grpc::ServerUnaryReactor* DeleteDataset(grpc::CallbackServerContext* context,
                                          const v1::DeleteDatasetRequest* request,
                                          v1::Removal* response) override;
  grpc::ServerUnaryReactor* CollectGarbage(grpc::CallbackServerContext* context,
                                           const v1::CollectGarbageRequest* request,
                                           v1::Removal* response) override;
  grpc::ServerUnaryReactor* InspectModel(grpc::CallbackServerContext* context,
                                         const v1::InspectModelRequest* request,
                                         v1::InspectModelResponse* response) override;

 private:
  const ServiceContext* context_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_MODEL_SERVICE_H_
