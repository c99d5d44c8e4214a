#include "server/services/exploration_service.h"

#include "server/services/exploration_calls.h"
#include "server/services/reactors.h"

namespace halftone {

grpc::ServerUnaryReactor* ExplorationService::GetExploration(
    grpc::CallbackServerContext* context, const v1::GetExplorationRequest* request,
    v1::Exploration* response) {
  return WorkReactor::Start(context, "GetExploration", context_->pool,
                            [this, request, response](const Cancellation& cancellation) {
                              return halftone::GetExploration(*context_, *request, response,
                                                              cancellation);
                            });
}

grpc::ServerUnaryReactor* ExplorationService::Ask(grpc::CallbackServerContext* context,
                                                  const v1::AskRequest* request,
                                                  v1::AskResponse* response) {
  return WorkReactor::Start(context, "Ask", context_->pool,
                            [this, request, response](const Cancellation& cancellation) {
                              return AskExploration(*context_, *request, response, cancellation);
                            });
}

grpc::ServerUnaryReactor* ExplorationService::Tell(grpc::CallbackServerContext* context,
                                                   const v1::TellRequest* request,
                                                   v1::TellResponse* response) {
  return WorkReactor::Start(context, "Tell", context_->pool,
                            [this, request, response](const Cancellation& cancellation) {
                              return TellExploration(*context_, *request, response, cancellation);
                            });
}

}  // namespace halftone
