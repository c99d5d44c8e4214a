#include "profilers/remote/protocol.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "base/printable.h"
#include "base/shown_text.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr size_t kMaxDeviceTextBytes = 256;
// Trailing metadata is limited to 8 KiB by default.
constexpr size_t kMaxMessageBytes = 2048;

bool IsHost(absl::string_view host) {
  return host.size() <= 253 && std::all_of(host.begin(), host.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '-';
         });
}

bool IsIpv6(absl::string_view host) {
  return !host.empty() && host.size() <= 45 &&
         std::all_of(host.begin(), host.end(), [](unsigned char c) {
           return absl::ascii_isxdigit(c) || c == ':' || c == '.';
         });
}

}  // namespace

absl::Status CheckProtocolVersion(int version, absl::string_view other) {
  if (version == kProfilerProtocolVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      other, " speaks version ", version,
      " of the profilers' contract, this program speaks version ", kProfilerProtocolVersion));
}

absl::Status CheckTargetName(absl::string_view name) {
  bool plain = !name.empty() && name.size() <= 64 && absl::ascii_isalpha(name[0]);
  for (const char c : name) plain &= absl::ascii_isalnum(c) || c == '-' || c == '_';
  if (plain) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(name), " must be letters, digits, '-' and '_', a letter first, 64 at most"));
}

std::string HostPort::ToString() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  const auto wrong = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " is not HOST:PORT with a port of 1 to 65535"));
  };
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return wrong();
  HostPort parsed;
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port = text.substr(colon + 1);
  if (port.size() > 5 || !std::all_of(port.begin(), port.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(port, &parsed.port) || parsed.port < 1 || parsed.port > 65535) {
    return wrong();
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!IsIpv6(host)) return wrong();
  } else if (!IsHost(host)) {
    return wrong();
  }
  parsed.host = std::string(host);
  return parsed;
}

v1::Device DeviceToProto(const DeviceInfo& device) {
  v1::Device message;
  message.set_name(device.name);
  message.set_isa(device.isa);
  message.set_library(device.library);
  message.set_threads(device.threads);
  message.set_frequency_mhz(device.frequency_mhz);
  return message;
}

absl::StatusOr<DeviceInfo> DeviceFromProto(const v1::Device& device) {
  for (const std::string* text : {&device.name(), &device.isa(), &device.library()}) {
    if (text->size() > kMaxDeviceTextBytes) {
      return absl::InvalidArgumentError(absl::StrCat("device: ", Quoted(*text), " is longer than ",
                                                     kMaxDeviceTextBytes, " bytes"));
    }
    if (!IsPrintableUtf8(*text)) {
      return absl::InvalidArgumentError(
          absl::StrCat("device: ", Quoted(PrintableLine(*text)), " has control characters"));
    }
  }
  if (device.name().empty()) return absl::InvalidArgumentError("device.name: is missing");
  if (device.threads() < 0 || device.threads() > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("device.threads: ", device.threads(), " is not in 0 to 65536"));
  }
  if (!std::isfinite(device.frequency_mhz()) || device.frequency_mhz() < 0) {
    return absl::InvalidArgumentError("device.frequency_mhz: must be finite and not negative");
  }
  return DeviceInfo{device.name(), device.isa(), device.library(), device.threads(),
                    device.frequency_mhz()};
}

std::string DeviceIdentity(const DeviceInfo& device) {
  Sha256 hash;
  hash.UpdateField(device.name);
  hash.UpdateField(device.isa);
  hash.UpdateField(device.library);
  hash.UpdateField(int64_t{device.threads});
  return hash.FinishHex();
}

std::string DeviceText(const DeviceInfo& device) {
  std::vector<std::string> parts;
  for (const std::string* text : {&device.name, &device.isa, &device.library}) {
    if (!text->empty()) parts.push_back(*text);
  }
  if (device.threads > 0) parts.push_back(absl::StrCat(device.threads, " threads"));
  return absl::StrJoin(parts, ", ");
}

v1::LayerCost RowToProto(const CostRow& row) {
  v1::LayerCost message;
  message.set_layer(row.layer);
  message.set_precision(row.precision.ToString());
  message.set_executed_as(row.executed_as.ToString());
  message.set_latency_ns(row.latency_ns);
  message.set_latency_mad_ns(row.mad_ns);
  if (row.energy_pj) message.set_energy_pj(*row.energy_pj);
  if (row.cycles) message.set_cycles(*row.cycles);
  message.set_weight_bytes(row.weight_bytes);
  message.set_implementation(row.implementation);
  message.set_warning(row.warning);
  message.set_bound(row.bound);
  if (row.utilization) message.set_utilization(*row.utilization);
  if (row.operations) message.set_operations(*row.operations);
  if (row.memory_bytes) message.set_memory_bytes(*row.memory_bytes);
  if (row.energy) {
    message.mutable_energy()->set_arithmetic_pj(row.energy->arithmetic_pj);
    message.mutable_energy()->set_buffer_pj(row.energy->buffer_pj);
    message.mutable_energy()->set_dram_pj(row.energy->dram_pj);
  }
  return message;
}

v1::EdgeCost EdgeToProto(const EdgeRow& edge) {
  v1::EdgeCost message;
  message.set_from_layer(edge.from);
  message.set_to_layer(edge.to);
  message.set_from_precision(edge.from_precision.ToString());
  message.set_to_precision(edge.to_precision.ToString());
  message.set_latency_ns(edge.latency_ns);
  if (edge.energy_pj) message.set_energy_pj(*edge.energy_pj);
  return message;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string message(status.message().substr(0, kMaxMessageBytes));
  for (char& c : message) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message);
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const bool known = status.error_code() >= 1 && status.error_code() <= 16;
  return absl::Status(
      known ? static_cast<absl::StatusCode>(status.error_code()) : absl::StatusCode::kUnknown,
      status.error_message().substr(0, kMaxMessageBytes));
}

}  // namespace halftone
