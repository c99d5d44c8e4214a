#include "server/services/profiler_registry_service.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "profilers/remote/protocol.h"
#include "server/convert/status.h"
#include "server/services/reactors.h"
#include "spdlog/spdlog.h"

namespace halftone {
namespace {

bool IsLoopback(absl::string_view host) {
  return host == "localhost" || host == "::1" || absl::StartsWith(host, "127.");
}

// The host of "ipv4:10.0.0.7:41234" or "ipv6:[::1]:41234", whose brackets gRPC writes as %5B and
// %5D in some versions.
absl::StatusOr<std::string> HostOfPeer(const std::string& peer) {
  std::string text = absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}});
  absl::string_view address = text;
  if (!absl::ConsumePrefix(&address, "ipv4:") && !absl::ConsumePrefix(&address, "ipv6:")) {
    return absl::InvalidArgumentError(
        "the address needs a host: the call does not come over the network");
  }
  HT_ASSIGN_OR_RETURN(const HostPort parsed, ParseHostPort(address));
  return std::string(absl::StripPrefix(parsed.host, "::ffff:"));  // IPv4 on an IPv6 socket
}

// The target's name is free, and the address one that the caller may offer.
absl::StatusOr<std::string> CheckRequest(const ProfilerRegistryService::Options& options,
                                         const v1::RegisterProfilerRequest& request,
                                         const std::string& peer) {
  HT_RETURN_IF_ERROR(AtField("name", CheckTargetName(request.name())));
  for (const ProfilerRegistry::Target& target : options.registry->List()) {
    if (target.name != request.name() || options.directory->Has(target.name)) continue;
    return AtField("name", absl::AlreadyExistsError(absl::StrCat(
                               "'", target.name, "' is a built-in target: choose another name")));
  }
  absl::StatusOr<std::string> address = ProfilerAddress(request.address(), peer, options.any_host);
  if (!address.ok()) return AtField("address", address.status());
  return address;
}

}  // namespace

absl::StatusOr<std::string> ProfilerAddress(const std::string& address, const std::string& peer,
                                            bool any_host) {
  HT_ASSIGN_OR_RETURN(HostPort parsed, ParseHostPort(address));
  if (parsed.host.empty()) {
    HT_ASSIGN_OR_RETURN(parsed.host, HostOfPeer(peer));
    return parsed.ToString();
  }
  if (any_host) return parsed.ToString();
  HT_ASSIGN_OR_RETURN(const std::string host, HostOfPeer(peer));
  const bool same = parsed.host == host || (IsLoopback(parsed.host) && IsLoopback(host));
  if (same) return parsed.ToString();
  return absl::PermissionDeniedError(
      absl::StrCat(Quoted(parsed.host), " is not the host that calls, ", host,
                   ": leave the host out, or start the server with --profilers-anywhere"));
}

v1::ProfilerRegistration RegistrationToProto(const RegisteredProfiler& profiler) {
  v1::ProfilerRegistration message;
  message.set_id(profiler.offer.id);
  message.set_name(profiler.name);
  message.set_address(profiler.offer.address);
  message.set_lease_seconds(absl::ToDoubleSeconds(profiler.lease));
  message.set_state(profiler.busy ? v1::PROFILER_STATE_BUSY : v1::PROFILER_STATE_IDLE);
  message.set_silent_seconds(absl::ToDoubleSeconds(profiler.silence));
  *message.mutable_device() = DeviceToProto(profiler.offer.description.device);
  message.set_description(profiler.offer.description.description);
  for (const Precision& precision : profiler.offer.description.precisions) {
    message.add_precisions(precision.ToString());
  }
  return message;
}

grpc::ServerUnaryReactor* ProfilerRegistryService::RegisterProfiler(
    grpc::CallbackServerContext* context, const v1::RegisterProfilerRequest* request,
    v1::ProfilerRegistration* response) {
  return WorkReactor::Start(
      context, "RegisterProfiler", options_.pool,
      [this, request, response, peer = context->peer()](const Cancellation&) -> absl::Status {
        HT_ASSIGN_OR_RETURN(const std::string address, CheckRequest(options_, *request, peer));
        HT_ASSIGN_OR_RETURN(const absl::Duration lease,
                            ProfilerDirectory::LeaseOf(request->lease_seconds()));
        HT_ASSIGN_OR_RETURN(const RegisteredProfiler profiler,
                            options_.directory->Register(request->name(), address, lease));
        spdlog::info("target {}: profiler at {} registered: {}", profiler.name, address,
                     LogLine(DeviceText(profiler.offer.description.device)));
        *response = RegistrationToProto(profiler);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ProfilerRegistryService::Heartbeat(grpc::CallbackServerContext* context,
                                                             const v1::HeartbeatRequest* request,
                                                             v1::ProfilerRegistration* response) {
  return AnswerNow(context, "Heartbeat", [&]() -> absl::Status {
    HT_ASSIGN_OR_RETURN(const RegisteredProfiler profiler,
                        options_.directory->Heartbeat(request->id()));
    *response = RegistrationToProto(profiler);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ProfilerRegistryService::UnregisterProfiler(
    grpc::CallbackServerContext* context, const v1::UnregisterProfilerRequest* request,
    google::protobuf::Empty*) {
  return AnswerNow(context, "UnregisterProfiler", [&] {
    const absl::Status status = options_.directory->Unregister(request->id());
    if (status.ok()) spdlog::info("profiler registration {} is withdrawn", request->id());
    return status;
  });
}

}  // namespace halftone
