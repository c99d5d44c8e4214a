#ifndef HALFTONE_SERVER_SERVICES_EXPLORATION_CALLS_H_
#define HALFTONE_SERVER_SERVICES_EXPLORATION_CALLS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "halftone/v1/exploration_service.pb.h"
#include "server/services/explorations.h"
#include "server/services/service_context.h"

namespace halftone {

// What the calls of ExplorationService do, without gRPC, in their turn on the job's explorer.
// Thread-safe.

// The id of a job that can be explored: a search that has succeeded.
absl::StatusOr<std::string> ExploredJob(const ServiceContext& context, const std::string& name);

absl::Status GetExploration(const ServiceContext& context, const v1::GetExplorationRequest& request,
                            Explorations::Turn& turn, v1::Exploration* response);
absl::Status AskExploration(const ServiceContext& context, const v1::AskRequest& request,
                            Explorations::Turn& turn, v1::AskResponse* response);

// What is told, as far as it can be checked without the explorer.
absl::StatusOr<Assignment> AssignmentToTell(const v1::TellRequest& request);
// The caller sees to it that no other heavy computation runs at the same time.
absl::Status TellExploration(const ServiceContext& context, const v1::TellRequest& request,
                             const Assignment& assignment, Explorations::Turn& turn,
                             v1::TellResponse* response, const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_EXPLORATION_CALLS_H_
