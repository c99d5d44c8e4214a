#ifndef HALFTONE_SERVER_SERVICES_ANALYSIS_CALLS_H_
#define HALFTONE_SERVER_SERVICES_ANALYSIS_CALLS_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "halftone/v1/analysis_service.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// What the calls of AnalysisService do, without gRPC. Thread-safe; the caller sees to it that
// heavy ones do not run at the same time.

struct AnalysisDocument {
  std::string json;
  std::string arrays_npz;  // empty if there are none
};

absl::StatusOr<AnalysisDocument> MeasureSensitivity(const ServiceContext& context,
                                                    const v1::MeasureSensitivityRequest& request,
                                                    const Progress& progress);
absl::StatusOr<AnalysisDocument> ProfileModel(const ServiceContext& context,
                                              const v1::ProfileModelRequest& request,
                                              const Progress& progress);
absl::StatusOr<AnalysisDocument> EvaluateAssignment(const ServiceContext& context,
                                                    const v1::EvaluateAssignmentRequest& request,
                                                    const Progress& progress);
absl::Status SolveProblem(const v1::SolveProblemRequest& request,
                          v1::SolveProblemResponse* response, const Cancellation& cancellation);
void ListTargets(const ServiceContext& context, v1::ListTargetsResponse* response);
void GetVersion(v1::GetVersionResponse* response);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_ANALYSIS_CALLS_H_
