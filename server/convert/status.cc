#include "server/convert/status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "halftone/v1/status.pb.h"

namespace halftone {
namespace {

constexpr char kFieldUrl[] = "halftone/field";
constexpr char kResourceUrl[] = "halftone/resource";
// Trailing metadata is limited to 8 KiB by default; a message is in it twice.
constexpr size_t kMaxTextBytes = 2048;

std::string Payload(const absl::Status& status, const char* url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

std::string CleanText(absl::string_view text) {
  std::string clean(text.substr(0, kMaxTextBytes));
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) {
      c = c == '\n' || c == '\t' ? c : '?';
    }
  }
  return clean;
}

absl::Status AtField(absl::string_view field, const absl::Status& status) {
  if (status.ok()) return status;
  const std::string inner = Payload(status, kFieldUrl);
  const absl::string_view separator = inner.empty() || absl::StartsWith(inner, "[") ? "" : ".";
  // The message already starts with the inner field.
  absl::Status outer(status.code(),
                     absl::StrCat(field, inner.empty() ? ": " : separator, status.message()));
  outer.SetPayload(kFieldUrl, absl::Cord(absl::StrCat(field, separator, inner)));
  const std::string resource = Payload(status, kResourceUrl);
  if (!resource.empty()) outer.SetPayload(kResourceUrl, absl::Cord(resource));
  return outer;
}

absl::Status AboutResource(absl::string_view resource, const absl::Status& status) {
  if (status.ok()) return status;
  absl::Status about = status;
  about.SetPayload(kResourceUrl, absl::Cord(resource));
  return about;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = CleanText(status.message());
  v1::ErrorDetail detail;
  detail.set_reason(absl::StatusCodeToString(status.code()));
  detail.set_field(CleanText(Payload(status, kFieldUrl)));
  detail.set_resource(CleanText(Payload(status, kResourceUrl)));
  v1::StatusDetails details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  details.add_details()->PackFrom(detail);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
}

}  // namespace halftone
