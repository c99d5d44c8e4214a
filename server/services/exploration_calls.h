#ifndef HALFTONE_SERVER_SERVICES_EXPLORATION_CALLS_H_
#define HALFTONE_SERVER_SERVICES_EXPLORATION_CALLS_H_

#include "absl/status/status.h"
#include "base/cancellation.h"
#include "halftone/v1/exploration_service.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// What the calls of ExplorationService do, without gRPC. Thread-safe.

absl::Status GetExploration(const ServiceContext& context, const v1::GetExplorationRequest& request,
                            v1::Exploration* response, const Cancellation& cancellation);
absl::Status AskExploration(const ServiceContext& context, const v1::AskRequest& request,
                            v1::AskResponse* response, const Cancellation& cancellation);
absl::Status TellExploration(const ServiceContext& context, const v1::TellRequest& request,
                             v1::TellResponse* response, const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_EXPLORATION_CALLS_H_
