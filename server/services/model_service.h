#ifndef HALFTONE_SERVER_SERVICES_MODEL_SERVICE_H_
#define HALFTONE_SERVER_SERVICES_MODEL_SERVICE_H_

#include "halftone/v1/model_service.grpc.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// The service's calls, of which those that upload get their messages as bytes.
using ModelServiceOfBytes = v1::ModelService::WithRawCallbackMethod_UploadModel<
    v1::ModelService::WithRawCallbackMethod_UploadDataset<
        v1::ModelService::WithRawCallbackMethod_UploadTargetFile<
            v1::ModelService::CallbackService>>>;

// Uploads and what is known of them: see model_service.proto for what each call promises.
class ModelService final : public ModelServiceOfBytes {
 public:
  explicit ModelService(const ServiceContext* context) : context_(context) {}

  grpc::ServerReadReactor<grpc::ByteBuffer>* UploadModel(grpc::CallbackServerContext* context,
                                                         grpc::ByteBuffer* response) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* UploadDataset(grpc::CallbackServerContext* context,
                                                           grpc::ByteBuffer* response) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* UploadTargetFile(grpc::CallbackServerContext* context,
                                                              grpc::ByteBuffer* response) override;
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
