#include "server/services/analysis_service.h"

#include <memory>
#include <optional>
#include <utility>

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

// Offers progress to the client. The computation never waits for it to be read. A few times a
// second are enough for how far it is; that it does something else without being further ("waiting
// ...") may be the last word for long, and is always said.
class ProgressOffers {
 public:
  explicit ProgressOffers(Stream::Offer offer) : offer_(std::move(offer)) {}

  void operator()(double fraction, absl::string_view detail) {
    const SteadyTime now = SteadyClock::Real().Now();
    const bool says_more = fraction == fraction_ && detail != detail_;
    if (!says_more && now - last_ < kProgressInterval) return;
    last_ = now;
    fraction_ = fraction;
    detail_ = std::string(detail);
    v1::AnalysisResponse response;
    response.mutable_progress()->set_fraction(fraction);
    response.mutable_progress()->set_detail(CleanText(detail));
    offer_(std::move(response));
  }

 private:
  Stream::Offer offer_;
  SteadyTime last_ = SteadyTime::FromBeginning(-absl::InfiniteDuration());
  double fraction_ = -1;
  std::string detail_;
};

Progress ProgressTo(const Stream::Offer& offer, const Cancellation& cancellation) {
  Progress progress;
  progress.cancellation = cancellation;
  progress.report = ProgressOffers(offer);
  return progress;
}

// The result in parts that fit into messages.
Stream::Rest PartsOf(std::shared_ptr<UnreadResults::Reader> reader) {
  return [reader = std::move(reader)]() -> absl::StatusOr<std::optional<v1::AnalysisResponse>> {
    HT_ASSIGN_OR_RETURN(std::optional<AnalysisDocument> part, reader->Next(kPartBytes));
    if (!part.has_value()) return std::nullopt;
    v1::AnalysisResponse response;
    v1::AnalysisResult* result = response.mutable_result();
    result->set_result_json(std::move(part->json));
    result->set_arrays_npz(std::move(part->arrays_npz));
    return response;
  };
}

v1::AnalysisResponse WaitingForItsTurn() {
  v1::AnalysisResponse response;
  response.mutable_progress()->set_detail("waiting for its turn");
  return response;
}

template <typename Request>
using Analysis = absl::StatusOr<AnalysisDocument> (*)(const ServiceContext&, const Request&,
                                                      const Progress&);

template <typename Request>
Stream::Handler HandlerOf(const ServiceContext* services, UnreadResults* unread,
                          const Request* request, Analysis<Request> analyse) {
  return [=](const Stream::Offer& offer,
             const Cancellation& cancellation) -> absl::StatusOr<Stream::Rest> {
    HT_ASSIGN_OR_RETURN(AnalysisDocument document,
                        analyse(*services, *request, ProgressTo(offer, cancellation)));
    return PartsOf(unread->Keep(std::move(document)));
  };
}

// Streams the progress and the result of a heavy analysis, whose request has so many bytes. It
// waits for its turn, which ends with
// the computation: a slow client keeps nobody waiting.
grpc::ServerWriteReactor<v1::AnalysisResponse>* StreamInTurn(grpc::CallbackServerContext* context,
                                                             const char* call,
                                                             const ServiceContext* services,
                                                             size_t bytes,
                                                             Stream::Handler handler) {
  ComputeGate* gate = services->gate;
  auto* stream =
      new Stream(context, call, services->analyses, [gate] { gate->WithdrawCancelled(); });
  absl::StatusOr<HeldRequests::Hold> hold = services->held_requests->Take(context->peer(), bytes);
  if (!hold.ok()) {
    stream->End(hold.status());
    return stream;
  }
  if (gate->IsBusy()) stream->OfferFirst(WaitingForItsTurn());
  gate->Enter(stream->cancellation(), [=, hold = *std::move(hold), handler = std::move(handler)](
                                          absl::StatusOr<std::unique_ptr<ComputeGate::Pass>> pass) {
    if (!pass.ok()) return stream->End(pass.status());
    stream->Run([hold, handler, held = std::shared_ptr<ComputeGate::Pass>(*std::move(pass))](
                    const Stream::Offer& offer, const Cancellation& cancellation) {
      return handler(offer, cancellation);
    });
  });
  return stream;
}

}  // namespace

grpc::ServerWriteReactor<v1::AnalysisResponse>* AnalysisService::MeasureSensitivity(
    grpc::CallbackServerContext* context, const v1::MeasureSensitivityRequest* request) {
  return StreamInTurn(context, "MeasureSensitivity", context_, request->ByteSizeLong(),
                      HandlerOf<v1::MeasureSensitivityRequest>(context_, &unread_, request,
                                                               &halftone::MeasureSensitivity));
}

grpc::ServerWriteReactor<v1::AnalysisResponse>* AnalysisService::ProfileModel(
    grpc::CallbackServerContext* context, const v1::ProfileModelRequest* request) {
  Stream::Handler handler =
      HandlerOf<v1::ProfileModelRequest>(context_, &unread_, request, &halftone::ProfileModel);
  if (context_->IsElsewhere(request->target())) {
    return Stream::Start(context, "ProfileModel", context_->elsewhere, std::move(handler));
  }
  return StreamInTurn(context, "ProfileModel", context_, request->ByteSizeLong(),
                      std::move(handler));
}

grpc::ServerWriteReactor<v1::AnalysisResponse>* AnalysisService::EvaluateAssignment(
    grpc::CallbackServerContext* context, const v1::EvaluateAssignmentRequest* request) {
  return StreamInTurn(context, "EvaluateAssignment", context_, request->ByteSizeLong(),
                      HandlerOf<v1::EvaluateAssignmentRequest>(context_, &unread_, request,
                                                               &halftone::EvaluateAssignment));
}

grpc::ServerUnaryReactor* AnalysisService::SolveProblem(grpc::CallbackServerContext* context,
                                                        const v1::SolveProblemRequest* request,
                                                        v1::SolveProblemResponse* response) {
  return StartSolve(context, "SolveProblem", *context_, request->solve_id(),
                    request->ByteSizeLong(), [request, response](const Cancellation& cancellation) {
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
