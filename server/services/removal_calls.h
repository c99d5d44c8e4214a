#ifndef HALFTONE_SERVER_SERVICES_REMOVAL_CALLS_H_
#define HALFTONE_SERVER_SERVICES_REMOVAL_CALLS_H_

#include "absl/status/status.h"
#include "halftone/v1/model_service.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// The calls of ModelService that take something away, without gRPC. Thread-safe. They take as long
// as reading what all jobs left does.

absl::Status DeleteModel(const ServiceContext& context, const v1::DeleteModelRequest& request,
                         v1::Removal* response);
absl::Status DeleteDataset(const ServiceContext& context, const v1::DeleteDatasetRequest& request,
                           v1::Removal* response);
absl::Status CollectGarbage(const ServiceContext& context, const v1::CollectGarbageRequest& request,
                            v1::Removal* response);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_REMOVAL_CALLS_H_
