#ifndef HALFTONE_SERVER_SERVICES_ANALYSIS_SERVICE_H_
#define HALFTONE_SERVER_SERVICES_ANALYSIS_SERVICE_H_

#include <cstddef>

#include "halftone/v1/analysis_service.grpc.pb.h"
#include "server/services/service_context.h"
#include "server/services/unread_results.h"

namespace halftone {

// The steps of a search one by one: see analysis_service.proto for what each call promises.
class AnalysisService final : public v1::AnalysisService::CallbackService {
 public:
  explicit AnalysisService(const ServiceContext* context) : context_(context) {}

  grpc::ServerWriteReactor<v1::AnalysisResponse>* MeasureSensitivity(
      grpc::CallbackServerContext* context, const v1::MeasureSensitivityRequest* request) override;
  grpc::ServerWriteReactor<v1::AnalysisResponse>* ProfileModel(
      grpc::CallbackServerContext* context, const v1::ProfileModelRequest* request) override;
  grpc::ServerWriteReactor<v1::AnalysisResponse>* EvaluateAssignment(
      grpc::CallbackServerContext* context, const v1::EvaluateAssignmentRequest* request) override;
  grpc::ServerUnaryReactor* SolveProblem(grpc::CallbackServerContext* context,
                                         const v1::SolveProblemRequest* request,
                                         v1::SolveProblemResponse* response) override;
  grpc::ServerUnaryReactor* StopSolve(grpc::CallbackServerContext* context,
                                      const v1::StopSolveRequest* request,
                                      v1::StopSolveResponse* response) override;
  grpc::ServerUnaryReactor* ListTargets(grpc::CallbackServerContext* context,
                                        const v1::ListTargetsRequest* request,
                                        v1::ListTargetsResponse* response) override;
  grpc::ServerUnaryReactor* GetVersion(grpc::CallbackServerContext* context,
                                       const v1::GetVersionRequest* request,
                                       v1::GetVersionResponse* response) override;

 private:
  static constexpr size_t kMaxUnreadBytes = size_t{256} << 20;

  const ServiceContext* context_;
  UnreadResults unread_{kMaxUnreadBytes};
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_ANALYSIS_SERVICE_H_
