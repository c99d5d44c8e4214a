#include "server/services/search_service.h"

#include <memory>
#include <string>

#include "profilers/design_space.h"
#include "server/convert/resource_name.h"
#include "server/services/explorations.h"
#include "server/services/job_deletion.h"
#include "server/services/reactors.h"
#include "server/services/search_calls.h"
#include "server/services/solve_reactor.h"
#include "server/services/watch_reactor.h"

namespace halftone {
namespace {

// A call that ends at once with an error.
class RefusedWatch final : public grpc::ServerWriteReactor<v1::JobEvent> {
 public:
  explicit RefusedWatch(const absl::Status& status) { Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

void SearchService::StopWatching() {
  stopping_ = true;
  context_->hub->NotifyAll();
}

grpc::ServerUnaryReactor* SearchService::CreateJob(grpc::CallbackServerContext* context,
                                                   const v1::CreateJobRequest* request,
                                                   v1::Job* response) {
  if (DesignSpace::Describes(request->spec().target())) {
    // Going through thousands of configurations takes a moment.
    return WorkReactor::Start(context, "CreateJob", context_->pool,
                              [this, request, response](const Cancellation&) {
                                return halftone::CreateJob(*context_, *request, response);
                              });
  }
  return AnswerNow(context, "CreateJob",
                   [&] { return halftone::CreateJob(*context_, *request, response); });
}

grpc::ServerUnaryReactor* SearchService::GetJob(grpc::CallbackServerContext* context,
                                                const v1::GetJobRequest* request,
                                                v1::Job* response) {
  return AnswerNow(context, "GetJob",
                   [&] { return halftone::GetJob(*context_, *request, response); });
}

grpc::ServerUnaryReactor* SearchService::ListJobs(grpc::CallbackServerContext* context,
                                                  const v1::ListJobsRequest* request,
                                                  v1::ListJobsResponse* response) {
  return AnswerNow(context, "ListJobs",
                   [&] { return halftone::ListJobs(*context_, *request, response); });
}

grpc::ServerWriteReactor<v1::JobEvent>* SearchService::WatchJob(
    grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) {
  const absl::StatusOr<std::string> id = ParseJobName(request->name());
  if (!id.ok()) return new RefusedWatch(AtField("name", id.status()));
  return new WatchReactor(context_, *id, request->after_sequence(), &stopping_);
}

grpc::ServerUnaryReactor* SearchService::CancelJob(grpc::CallbackServerContext* context,
                                                   const v1::CancelJobRequest* request,
                                                   v1::Job* response) {
  return AnswerNow(context, "CancelJob",
                   [&] { return halftone::CancelJob(*context_, *request, response); });
}

grpc::ServerUnaryReactor* SearchService::DeleteJob(grpc::CallbackServerContext* context,
                                                   const v1::DeleteJobRequest* request,
                                                   google::protobuf::Empty* response) {
  const Cancellation cancellation = CancellationOf(context);
  const auto deletion = std::make_shared<JobDeletion>(context_, *request, cancellation, &stopping_);
  auto* reactor = new WorkReactor("DeleteJob", context_->pool, cancellation,
                                  [deletion] { deletion->LookAgain(); });
  deletion->Start([reactor](const absl::Status& status) { reactor->Answer(status); });
  return reactor;
}

grpc::ServerUnaryReactor* SearchService::GetResult(grpc::CallbackServerContext* context,
                                                   const v1::GetResultRequest* request,
                                                   v1::SearchResult* response) {
  // What is no name is refused by the call.
  const std::string id = ParseJobName(request->name()).value_or("");
  auto* reactor = new WorkReactor(
      "GetResult", context_->pool, CancellationOf(context),
      [explorations = context_->explorations, id] { explorations->WithdrawCancelled(id); });
  context_->explorations->EnterIfOpen(
      id, reactor->cancellation(),
      [this, request, response, reactor](absl::StatusOr<std::shared_ptr<Explorations::Turn>> turn) {
        if (!turn.ok()) return reactor->Answer(turn.status());
        reactor->Run([this, request, response, turn = *turn](const Cancellation&) {
          return halftone::GetResult(*context_, *request, turn.get(), response);
        });
      });
  return reactor;
}

grpc::ServerUnaryReactor* SearchService::GetFrontier(grpc::CallbackServerContext* context,
                                                     const v1::GetFrontierRequest* request,
                                                     v1::GetFrontierResponse* response) {
  return WorkReactor::Start(context, "GetFrontier", context_->pool,
                            [this, request, response](const Cancellation&) {
                              return halftone::GetFrontier(*context_, *request, response);
                            });
}

grpc::ServerUnaryReactor* SearchService::ReSolve(grpc::CallbackServerContext* context,
                                                 const v1::ReSolveRequest* request,
                                                 v1::ReSolveResponse* response) {
  return StartSolve(context, "ReSolve", *context_, request->solve_id(), request->ByteSizeLong(),
                    [this, request, response](const Cancellation& cancellation) {
                      return ReSolveJob(*context_, *request, response, cancellation);
                    });
}

grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* SearchService::DownloadArtifact(
    grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) {
  using Reactor = StreamReactor<v1::DownloadArtifactResponse>;
  return Reactor::Start(context, "DownloadArtifact", context_->pool,
                        [this, request](const Reactor::Offer&, const Cancellation&) {
                          return halftone::DownloadArtifact(*context_, *request);
                        });
}

}  // namespace halftone
