#ifndef HALFTONE_SERVER_SERVICES_EXPLORATION_SERVICE_H_
#define HALFTONE_SERVER_SERVICES_EXPLORATION_SERVICE_H_

#include "halftone/v1/exploration_service.grpc.pb.h"
#include "server/services/service_context.h"

namespace halftone {

// Optimizers outside at work on a search: see exploration_service.proto for what each call
// promises.
class ExplorationService final : public v1::ExplorationService::CallbackService {
 public:
  explicit ExplorationService(const ServiceContext* context) : context_(context) {}

  grpc::ServerUnaryReactor* GetExploration(grpc::CallbackServerContext* context,
                                           const v1::GetExplorationRequest* request,
                                           v1::Exploration* response) override;
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context, const v1::AskRequest* request,
                                v1::AskResponse* response) override;
  grpc::ServerUnaryReactor* Tell(grpc::CallbackServerContext* context,
                                 const v1::TellRequest* request,
                                 v1::TellResponse* response) override;

 private:
  const ServiceContext* context_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_EXPLORATION_SERVICE_H_
