#include "profilers/remote/registration.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "profilers/remote/protocol.h"

namespace halftone {
namespace {

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(500);
constexpr absl::Duration kMaxBackoff = absl::Seconds(15);
// A server describes the profiler to itself before it answers.
constexpr absl::Duration kRegisterTimeout = absl::Seconds(15);
constexpr absl::Duration kUnregisterTimeout = absl::Seconds(2);

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& server) {
  grpc::ChannelArguments arguments;
  // Together with Backoff(), which asks again anyway.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  return grpc::CreateCustomChannel(absl::StrCat("dns:///", server),
                                   grpc::InsecureChannelCredentials(), arguments);
}

// Of a registration: what only another name, address or server would change.
bool IsFinal(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNIMPLEMENTED:
      return true;
    default:
      return false;
  }
}

}  // namespace

Registration::Registration(Options options)
    : options_(std::move(options)),
      stub_(v1::ProfilerRegistryService::NewStub(ChannelTo(options_.server))),
      thread_([this] { Run(); }) {}

Registration::~Registration() {
  stop_.Notify();
  thread_.join();
}

void Registration::Run() {
  absl::Duration wait;
  do {
    wait = id_.empty() ? Register() : Heartbeat();
  } while (!stop_.WaitForNotificationWithTimeout(wait));
  if (!id_.empty()) Unregister();
}

absl::Duration Registration::Backoff() {
  const absl::Duration wait = kFirstBackoff * (1 << std::min(failures_, 10));
  ++failures_;
  return std::min(wait, kMaxBackoff);
}

absl::Duration Registration::Register() {
  grpc::ClientContext context;
  SetTimeout(context, kRegisterTimeout);
  v1::RegisterProfilerRequest request;
  request.set_name(options_.name);
  request.set_address(options_.address);
  request.set_lease_seconds(absl::ToDoubleSeconds(options_.lease));
  v1::ProfilerRegistration registration;
  const grpc::Status status = stub_->RegisterProfiler(&context, request, &registration);
  if (IsFinal(status)) {
    options_.refused(FromGrpc(status));
    return absl::InfiniteDuration();
  }
  if (!status.ok()) {
    const absl::Duration wait = Backoff();
    options_.report(FromGrpc(status),
                    absl::StrCat("not registered, trying again in ", absl::FormatDuration(wait)));
    return wait;
  }
  id_ = registration.id();
  failures_ = 0;
  options_.report(absl::OkStatus(), absl::StrCat("registered as target '", options_.name, "'"));
  return options_.lease / 3;
}

absl::Duration Registration::Heartbeat() {
  grpc::ClientContext context;
  SetTimeout(context, options_.lease);
  v1::HeartbeatRequest request;
  request.set_id(id_);
  v1::ProfilerRegistration registration;
  const grpc::Status status = stub_->Heartbeat(&context, request, &registration);
  if (status.ok()) {
    failures_ = 0;
    return options_.lease / 3;
  }
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
    id_.clear();
    options_.report(FromGrpc(status), "registering again");
    return absl::ZeroDuration();
  }
  // Said once: the server may be away for long.
  if (failures_ == 0) options_.report(FromGrpc(status), "heartbeat failed");
  return std::min(Backoff(), options_.lease / 3);
}

void Registration::Unregister() {
  grpc::ClientContext context;
  SetTimeout(context, kUnregisterTimeout);
  v1::UnregisterProfilerRequest request;
  request.set_id(id_);
  google::protobuf::Empty response;
  options_.report(FromGrpc(stub_->UnregisterProfiler(&context, request, &response)),
                  "unregistered");
}

}  // namespace halftone
