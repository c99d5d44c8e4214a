#ifndef HALFTONE_SERVER_SERVICES_SEARCH_CALLS_H_
#define HALFTONE_SERVER_SERVICES_SEARCH_CALLS_H_

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "base/cancellation.h"
#include "halftone/v1/search_service.pb.h"
#include "server/services/explorations.h"
#include "server/services/service_context.h"

namespace halftone {

// What the calls of SearchService do, without gRPC. Thread-safe.

absl::Status CreateJob(const ServiceContext& context, const v1::CreateJobRequest& request,
                       v1::Job* response);
absl::Status GetJob(const ServiceContext& context, const v1::GetJobRequest& request,
                    v1::Job* response);
absl::Status ListJobs(const ServiceContext& context, const v1::ListJobsRequest& request,
                      v1::ListJobsResponse* response);
absl::Status CancelJob(const ServiceContext& context, const v1::CancelJobRequest& request,
                       v1::Job* response);
// `turn` is on the job's explorer; null where that is not in memory.
absl::Status GetResult(const ServiceContext& context, const v1::GetResultRequest& request,
                       Explorations::Turn* turn, v1::SearchResult* response);
absl::Status GetFrontier(const ServiceContext& context, const v1::GetFrontierRequest& request,
                         v1::GetFrontierResponse* response);
absl::Status ReSolveJob(const ServiceContext& context, const v1::ReSolveRequest& request,
                        v1::ReSolveResponse* response, const Cancellation& cancellation);
// The responses of a download, one a call, then nothing; DATA_LOSS if the file cannot be read.
using DownloadParts = std::function<absl::StatusOr<std::optional<v1::DownloadArtifactResponse>>()>;
// Verifies the content, which takes as long as reading it does.
absl::StatusOr<DownloadParts> DownloadArtifact(const ServiceContext& context,
                                               const v1::DownloadArtifactRequest& request);

// The size of a page: the default for 0, INVALID_ARGUMENT if out of [0, 1000].
absl::StatusOr<int> PageSize(int requested);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_SEARCH_CALLS_H_
