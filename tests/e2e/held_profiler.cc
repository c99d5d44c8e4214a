#include "tests/e2e/held_profiler.h"

#include <memory>

#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "halftone/v1/profiler_registry_service.grpc.pb.h"

namespace halftone {
namespace {

// A call that its server broke off is noticed in no other way than by asking.
constexpr absl::Duration kLookInterval = absl::Milliseconds(5);

}  // namespace

HeldProfiler::HeldProfiler() {
  profiler_.set_script(
      [this](const std::vector<v1::LayerCost>& wanted, grpc::ServerContext& context,
             FakeProfiler::Writer& writer) { return Answer(wanted, context, writer); });
}

absl::Status HeldProfiler::RegisterAt(const std::string& address) {
  auto stub = v1::ProfilerRegistryService::NewStub(
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::RegisterProfilerRequest request;
  request.set_name(kTarget);
  request.set_address(profiler_.address());
  request.set_lease_seconds(3600);
  v1::ProfilerRegistration registration;
  const grpc::Status status = stub->RegisterProfiler(&context, request, &registration);
  return status.ok() ? absl::OkStatus() : absl::UnavailableError(status.error_message());
}

void HeldProfiler::LetGo() {
  absl::MutexLock lock(&mutex_);
  held_ = false;
}

void HeldProfiler::AwaitRequest() {
  absl::MutexLock lock(&mutex_);
  EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&asked_), absl::Minutes(4)))
      << "nothing asked it for rows";
}

grpc::Status HeldProfiler::Answer(const std::vector<v1::LayerCost>& wanted,
                                  grpc::ServerContext& context, FakeProfiler::Writer& writer) {
  {
    absl::MutexLock lock(&mutex_);
    asked_ = true;
    const auto let_go = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !held_; };
    while (!mutex_.AwaitWithTimeout(absl::Condition(&let_go), kLookInterval)) {
      if (context.IsCancelled()) return grpc::Status::CANCELLED;
    }
  }
  return FakeProfiler::AnswerAll(wanted, context, writer);
}

}  // namespace halftone
