#ifndef HALFTONE_PROFILERS_REMOTE_PROTOCOL_H_
#define HALFTONE_PROFILERS_REMOTE_PROTOCOL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"
#include "halftone/v1/profiler_service.pb.h"
#include "profilers/cost_table.h"

namespace halftone {

// The version of the contract in profiler_service.proto that this program speaks.
inline constexpr int kProfilerProtocolVersion = 1;
inline constexpr char kProfilerScheme[] = "grpc://";
inline constexpr size_t kMaxSentModelBytes = size_t{1} << 30;

// FAILED_PRECONDITION names both versions; `other` is who states `version`.
absl::Status CheckProtocolVersion(int version, absl::string_view other);

// OK for names under which a profiler may be offered: letters, digits, '-' and '_', a letter first,
// 64 at most.
absl::Status CheckTargetName(absl::string_view name);

struct HostPort {
  std::string host;  // may be empty; an IPv6 address without its brackets
  int port = 0;

  std::string ToString() const;
};
// HOST:PORT, [IPV6]:PORT or :PORT; nothing else that gRPC would resolve (such as unix:PATH).
// INVALID_ARGUMENT names the text.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

v1::Device DeviceToProto(const DeviceInfo& device);
// INVALID_ARGUMENT when a text is longer than 256 bytes or not printable, or the threads are not in
// 0 to 65536.
absl::StatusOr<DeviceInfo> DeviceFromProto(const v1::Device& device);
// Equal for devices whose rows may stand in one table: a hash of all the fields but the frequency,
// which changes by the hour.
std::string DeviceIdentity(const DeviceInfo& device);
// "name, isa, library, N threads", for people.
std::string DeviceText(const DeviceInfo& device);

v1::LayerCost RowToProto(const CostRow& row);
v1::EdgeCost EdgeToProto(const EdgeRow& edge);

grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_PROTOCOL_H_
