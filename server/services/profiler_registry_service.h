#ifndef HALFTONE_SERVER_SERVICES_PROFILER_REGISTRY_SERVICE_H_
#define HALFTONE_SERVER_SERVICES_PROFILER_REGISTRY_SERVICE_H_

#include "halftone/v1/profiler_registry_service.grpc.pb.h"
#include "profilers/cost_profiler.h"
#include "profilers/remote/profiler_directory.h"
#include "server/services/worker_pool.h"

namespace halftone {

// Where profilers elsewhere offer themselves: see profiler_registry_service.proto.
class ProfilerRegistryService final : public v1::ProfilerRegistryService::CallbackService {
 public:
  struct Options {
    ProfilerDirectory* directory;
    const ProfilerRegistry* registry;  // the names that are taken
    // Asks profilers to describe themselves: not the pool in which analyses run, so that profilers
    // can register however many analyses wait for one.
    WorkerPool* pool;
    // Whether a profiler may register an address on another host than the one that calls. Else
    // whoever reaches the server could have it connect to machines which only the server reaches.
    bool any_host = false;
  };
  // All parts are borrowed.
  explicit ProfilerRegistryService(const Options& options) : options_(options) {}

  grpc::ServerUnaryReactor* RegisterProfiler(grpc::CallbackServerContext* context,
                                             const v1::RegisterProfilerRequest* request,
                                             v1::ProfilerRegistration* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::ProfilerRegistration* response) override;
  grpc::ServerUnaryReactor* UnregisterProfiler(grpc::CallbackServerContext* context,
                                               const v1::UnregisterProfilerRequest* request,
                                               google::protobuf::Empty* response) override;

 private:
  const Options options_;
};

// A registration as a message.
v1::ProfilerRegistration RegistrationToProto(const RegisteredProfiler& profiler);

// The HOST:PORT to reach a profiler at that registers `address` from `peer` (as gRPC writes it,
// "ipv4:10.0.0.7:41234"): without a host, that of the peer. INVALID_ARGUMENT; PERMISSION_DENIED
// unless `any_host`, when it is another host than the peer's.
absl::StatusOr<std::string> ProfilerAddress(const std::string& address, const std::string& peer,
                                            bool any_host);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_PROFILER_REGISTRY_SERVICE_H_
