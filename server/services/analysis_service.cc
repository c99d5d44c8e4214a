#include "server/services/analysis_service.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/services/analysis_calls.h"
#include "server/services/reactors.h"
#include "server/services/running_solves.h"
#include "server/services/solve_reactor.h"

namespace halftone {
namespace {

using Stream = StreamReactor<v1::AnalysisResponse>;

constexpr size_t kPartBytes = size_t{1} << 20;
constexpr absl::Duration kProgressInterval = absl::Milliseconds(100);

// Hands progress to the client, not more often than one can read it.
Progress ProgressTo(const Stream::Push& push, const Cancellation& cancellation) {
  Progress progress;
  progress.cancellation = cancellation;
  progress.report = [push, last = absl::InfinitePast()](double fraction,
                                                        absl::string_view detail) mutable {
    const absl::Time now = absl::Now();
    if (now - last < kProgressInterval) return;
    last = now;
    v1::AnalysisResponse response;
    response.mutable_progress()->set_fraction(fraction);
    response.mutable_progress()->set_detail(CleanText(detail));
    // A client that is gone shows in the cancellation.
    push(std::move(response)).IgnoreError();
  };
  return progress;
}

absl::Status PushResult(const AnalysisDocument& document, const Stream::Push& push) {
  const size_t size = std::max(document.json.size(), document.arrays_npz.size());
  for (size_t begin = 0; begin < size; begin += kPartBytes) {
    v1::AnalysisResponse response;
    v1::AnalysisResult* result = response.mutable_result();
    if (begin < document.json.size()) {
      result->set_result_json(document.json.substr(begin, kPartBytes));
    }
    if (begin < document.arrays_npz.size()) {
      result->set_arrays_npz(document.arrays_npz.substr(begin, kPartBytes));
    }
    HT_RETURN_IF_ERROR(push(std::move(response)));
  }
  return absl::OkStatus();
}

// Streams the progress and the result of an analysis. A heavy one waits for its turn.
template <typename Request>
grpc::ServerWriteReactor<v1::AnalysisResponse>* StreamAnalysis(
    grpc::CallbackServerContext* context, const char* call, const ServiceContext* services,
    const Request* request,
    absl::StatusOr<AnalysisDocument> (*analyse)(const ServiceContext&, const Request&,
                                                const Progress&),
    bool heavy = true) {
  return Stream::Start(
      context, call, services->pool,
      [=](const Stream::Push& push, const Cancellation& cancellation) -> absl::Status {
        std::unique_ptr<ComputeGate::Pass> pass;
        if (heavy) {
          HT_ASSIGN_OR_RETURN(pass, services->gate->Enter(cancellation));
        }
        HT_ASSIGN_OR_RETURN(const AnalysisDocument document,
                            analyse(*services, *request, ProgressTo(push, cancellation)));
        return PushResult(document, push);
      });
}

}  // namespace

grpc::ServerWriteReactor<v1::AnalysisResponse>* AnalysisService::MeasureSensitivity(
    grpc::CallbackServerContext* context, const v1::MeasureSensitivityRequest* request) {
  return StreamAnalysis<v1::MeasureSensitivityRequest>(context, "MeasureSensitivity", context_,
                                                       request, &halftone::MeasureSensitivity);
}

grpc::ServerWriteReactor<v1::AnalysisResponse>* AnalysisService::ProfileModel(
    grpc::CallbackServerContext* context, const v1::ProfileModelRequest* request) {
  return StreamAnalysis(context, "ProfileModel", context_, request, &halftone::ProfileModel,
                        !context_->IsElsewhere(request->target()));
}

grpc::ServerWriteReactor<v1::AnalysisResponse>* AnalysisService::EvaluateAssignment(
    grpc::CallbackServerContext* context, const v1::EvaluateAssignmentRequest* request) {
  return StreamAnalysis<v1::EvaluateAssignmentRequest>(context, "EvaluateAssignment", context_,
                                                       request, &halftone::EvaluateAssignment);
}

grpc::ServerUnaryReactor* AnalysisService::SolveProblem(grpc::CallbackServerContext* context,
                                                        const v1::SolveProblemRequest* request,
                                                        v1::SolveProblemResponse* response) {
  return StartSolve(context, "SolveProblem", *context_, request->solve_id(),
                    [request, response](const Cancellation& cancellation) {
                      return halftone::SolveProblem(*request, response, cancellation);
                    });
}

grpc::ServerUnaryReactor* AnalysisService::StopSolve(grpc::CallbackServerContext* context,
                                                     const v1::StopSolveRequest* request,
                                                     v1::StopSolveResponse*) {
  return AnswerNow(context, "StopSolve", [&]() -> absl::Status {
    HT_RETURN_IF_ERROR(CheckSolveId(request->solve_id()));
    if (context_->solves->Stop(request->solve_id())) return absl::OkStatus();
    return AtField("solve_id",
                   absl::NotFoundError(absl::StrCat("nothing is being solved by the id '",
                                                    request->solve_id(), "'")));
  });
}

grpc::ServerUnaryReactor* AnalysisService::ListTargets(grpc::CallbackServerContext* context,
                                                       const v1::ListTargetsRequest* request,
                                                       v1::ListTargetsResponse* response) {
  return AnswerNow(context, "ListTargets", [&] {
    halftone::ListTargets(*context_, response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AnalysisService::GetVersion(grpc::CallbackServerContext* context,
                                                      const v1::GetVersionRequest* request,
                                                      v1::GetVersionResponse* response) {
  return AnswerNow(context, "GetVersion", [&] {
    halftone::GetVersion(response);
    return absl::OkStatus();
  });
}

}  // namespace halftone
