#ifndef HALFTONE_TESTS_PROFILERS_REMOTE_SERVED_TARGET_H_
#define HALFTONE_TESTS_PROFILERS_REMOTE_SERVED_TARGET_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "grpcpp/grpcpp.h"
#include "profilers/builtin.h"
#include "profilers/remote/memory_cost_cache.h"
#include "profilers/remote/profiler_directory.h"
#include "profilers/remote/profiler_service.h"

namespace halftone {

// A built-in target, offered on a port of this machine and registered under a name of its own.
class ServedTarget {
 public:
  static absl::StatusOr<std::unique_ptr<ServedTarget>> Start(const std::string& target,
                                                             const std::string& name) {
    std::unique_ptr<ServedTarget> served(new ServedTarget());
    if (const auto status = RegisterBuiltinProfilers(served->registry_, &served->cache_);
        !status.ok()) {
      return status;
    }
    auto profiler = served->registry_.Create(target);
    if (!profiler.ok()) return profiler.status();
    served->profiler_ = *std::move(profiler);
    served->service_ = std::make_unique<ProfilerServiceImpl>(
        served->profiler_.get(), ProfilerServiceImpl::Options{"offered to a test"});
    grpc::ServerBuilder builder;
    int port = 0;
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(served->service_.get());
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    served->server_ = builder.BuildAndStart();
    served->address_ = absl::StrCat("127.0.0.1:", port);
    const auto registered = served->directory_.Register(name, served->address_, absl::Hours(1));
    if (!registered.ok()) return registered.status();
    return served;
  }

  ~ServedTarget() {
    if (service_ != nullptr) service_->Stop();
    if (server_ != nullptr) server_->Shutdown();
  }

  ProfilerDirectory& directory() { return directory_; }
  const std::string& address() const { return address_; }
  ProfilerServiceImpl& service() { return *service_; }

 private:
  ServedTarget() = default;

  RealClock clock_;
  MemoryCostCache cache_;
  ProfilerRegistry registry_;
  std::unique_ptr<CostProfiler> profiler_;
  std::unique_ptr<ProfilerServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  // Without a cache: every test's rows come over the wire.
  ProfilerDirectory directory_{&clock_, nullptr, RemoteOptions()};
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_PROFILERS_REMOTE_SERVED_TARGET_H_
