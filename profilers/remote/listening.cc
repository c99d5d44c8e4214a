#include "profilers/remote/listening.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "profilers/remote/protocol.h"

namespace halftone {
namespace {

constexpr char kUnixScheme[] = "unix:";

// Binds a socket as a server would: "" if that works by now.
std::string BindError(const addrinfo& info) {
  const int socket = ::socket(info.ai_family, info.ai_socktype, info.ai_protocol);
  if (socket < 0) return std::strerror(errno);
  const absl::Cleanup close = [socket] { ::close(socket); };
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(socket, info.ai_addr, info.ai_addrlen) != 0) return std::strerror(errno);
  return ::listen(socket, 1) != 0 ? std::strerror(errno) : "";
}

std::string WhyNot(const HostPort& address) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(),
                                  absl::StrCat(address.port).c_str(), &hints, &found);
  if (error != 0) return ::gai_strerror(error);
  const absl::Cleanup free = [found] { ::freeaddrinfo(found); };
  std::string why = BindError(*found);
  return why.empty() ? "the system does not say why" : why;
}

}  // namespace

absl::Status CheckListenAddress(const std::string& address) {
  if (absl::StartsWith(address, kUnixScheme)) return absl::OkStatus();
  absl::string_view any_port = address;
  // HostPort has no port 0, which nobody can be reached at.
  const std::string text =
      absl::ConsumeSuffix(&any_port, ":0") ? absl::StrCat(any_port, ":1") : address;
  if (ParseHostPort(text).ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(address), " is not HOST:PORT with a port of 1 to 65535, or 0 for any free one"));
}

absl::Status CannotListen(const std::string& address) {
  const absl::StatusOr<HostPort> parsed = ParseHostPort(address);
  return absl::FailedPreconditionError(
      absl::StrCat("cannot listen on ", Quoted(address), ": ",
                   parsed.ok() ? WhyNot(*parsed) : "the system does not say why"));
}

void SilenceGrpcLog() { ::setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0); }

}  // namespace halftone
