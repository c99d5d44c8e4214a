#include "server/services/exploration_service.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/services/exploration_calls.h"
#include "server/services/reactors.h"

namespace halftone {
namespace {

using PassPtr = std::shared_ptr<ComputeGate::Pass>;
using Handler = std::function<absl::Status(Explorations::Turn&, const Cancellation&)>;

// Has the handler called in its turn on the explorer of the job; `pass` is held until then.
void RunInTurn(const ServiceContext* services, const std::string& job_id, WorkReactor* reactor,
               const PassPtr& pass, Handler handler) {
  services->explorations->Enter(
      job_id, reactor->cancellation(),
      [=, handler = std::move(handler)](absl::StatusOr<std::shared_ptr<Explorations::Turn>> turn) {
        if (!turn.ok()) return reactor->Answer(turn.status());
        reactor->Run([handler, pass, turn = *turn](const Cancellation& cancellation) {
          return handler(*turn, cancellation);
        });
      });
}

// The same for what computes: it passes the gate first, so that the explorer is free for others
// while that is closed.
void RunThroughGate(const ServiceContext* services, const std::string& job_id, WorkReactor* reactor,
                    Handler handler) {
  services->gate->Enter(
      reactor->cancellation(),
      [=, handler = std::move(handler)](absl::StatusOr<std::unique_ptr<ComputeGate::Pass>> pass) {
        if (!pass.ok()) return reactor->Answer(pass.status());
        RunInTurn(services, job_id, reactor, *std::move(pass), handler);
      });
}

// A call about a job; the id is that of ExploredJob, or why there is none.
WorkReactor* CallAbout(const absl::StatusOr<std::string>& job_id, WorkerPool* pool,
                       grpc::CallbackServerContext* context, const char* call,
                       const ServiceContext* services) {
  return new WorkReactor(call, pool, CancellationOf(context), [=, id = job_id.value_or("")] {
    services->gate->WithdrawCancelled();
    services->explorations->WithdrawCancelled(id);
  });
}

grpc::ServerUnaryReactor* StartInTurn(grpc::CallbackServerContext* context, const char* call,
                                      const ServiceContext* services, const std::string& job,
                                      Handler handler) {
  const absl::StatusOr<std::string> id = ExploredJob(*services, job);
  WorkReactor* reactor = CallAbout(id, services->pool, context, call, services);
  if (id.ok()) {
    RunInTurn(services, *id, reactor, nullptr, std::move(handler));
  } else {
    reactor->Answer(id.status());
  }
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* ExplorationService::GetExploration(
    grpc::CallbackServerContext* context, const v1::GetExplorationRequest* request,
    v1::Exploration* response) {
  return StartInTurn(context, "GetExploration", context_, request->job(),
                     [this, request, response](Explorations::Turn& turn, const Cancellation&) {
                       return halftone::GetExploration(*context_, *request, turn, response);
                     });
}

grpc::ServerUnaryReactor* ExplorationService::Ask(grpc::CallbackServerContext* context,
                                                  const v1::AskRequest* request,
                                                  v1::AskResponse* response) {
  return StartInTurn(context, "Ask", context_, request->job(),
                     [this, request, response](Explorations::Turn& turn, const Cancellation&) {
                       return AskExploration(*context_, *request, turn, response);
                     });
}

grpc::ServerUnaryReactor* ExplorationService::Tell(grpc::CallbackServerContext* context,
                                                   const v1::TellRequest* request,
                                                   v1::TellResponse* response) {
  const absl::StatusOr<std::string> id = ExploredJob(*context_, request->job());
  const absl::StatusOr<Assignment> assignment = AssignmentToTell(*request);
  WorkReactor* reactor = CallAbout(id, context_->analyses, context, "Tell", context_);
  if (!assignment.ok() || !id.ok()) {
    reactor->Answer(assignment.ok() ? id.status() : assignment.status());
    return reactor;
  }
  RunThroughGate(context_, *id, reactor,
                 [this, request, response, assignment = *assignment](
                     Explorations::Turn& turn, const Cancellation& cancellation) {
                   return TellExploration(*context_, *request, assignment, turn, response,
                                          cancellation);
                 });
  return reactor;
}

}  // namespace halftone
