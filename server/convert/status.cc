#include "server/convert/status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

constexpr char kResourceUrl[] = "halftone/resource";
constexpr char kReasonUrl[] = "halftone/reason";
constexpr size_t kMaxTextBytes = 2048;
// As sent. Trailing metadata is limited to 8 KiB by default; a message is in it twice, the second
// time in a binary field, which takes four bytes for three.
constexpr size_t kMaxSentMessageBytes = 2048;
constexpr size_t kMaxSentDetailBytes = 512;
constexpr absl::string_view kCutMark = "[...]";

// The code that a reason comes with.
absl::StatusCode CodeOf(v1::ErrorReason reason) {
  switch (reason) {
    case v1::MODEL_NOT_FOUND:
    case v1::DATASET_NOT_FOUND:
    case v1::TARGET_FILE_NOT_FOUND:
    case v1::TARGET_NOT_FOUND:
    case v1::JOB_NOT_FOUND:
    case v1::ARTIFACT_NOT_FOUND:
      return absl::StatusCode::kNotFound;
    case v1::REQUEST_ID_REUSED:
      return absl::StatusCode::kAlreadyExists;
    case v1::JOB_NOT_SUCCEEDED:
    case v1::JOB_IS_CROSSCHECK:
    case v1::UPLOAD_IN_USE:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInvalidArgument;
  }
}

std::string ReasonOf(const absl::Status& status, absl::string_view reason) {
  return reason.empty() ? absl::StatusCodeToString(status.code()) : std::string(reason);
}

// gRPC's percent-encoding.
size_t SentBytes(char c) { return c < 0x20 || c > 0x7e || c == '%' ? 3 : 1; }

// Clean text of at most so many bytes as sent.
std::string CutToSend(absl::string_view text, size_t most) {
  std::string clean = CleanText(text);
  size_t sent = 0, fits = 0;  // `fits` characters leave room for the mark
  for (size_t i = 0; i < clean.size(); ++i) {
    sent += SentBytes(clean[i]);
    if (sent + kCutMark.size() <= most) fits = i + 1;
  }
  if (sent <= most && clean.size() == text.size()) return clean;
  clean.resize(fits);
  return absl::StrCat(clean, kCutMark);
}

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

absl::Status AboutResource(absl::string_view resource, const absl::Status& status) {
  if (status.ok()) return status;
  absl::Status about = status;
  about.SetPayload(kResourceUrl, absl::Cord(resource));
  return about;
}

absl::Status WithReason(v1::ErrorReason reason, const absl::Status& status) {
  if (status.code() != CodeOf(reason) || !Payload(status, kReasonUrl).empty()) return status;
  absl::Status with = status;
  with.SetPayload(kReasonUrl, absl::Cord(v1::ErrorReason_Name(reason)));
  return with;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = CutToSend(status.message(), kMaxSentMessageBytes);
  v1::ErrorDetail detail;
  detail.set_reason(ReasonOf(status, Payload(status, kReasonUrl)));
  detail.set_field(CutToSend(FieldOf(status), kMaxSentDetailBytes));
  detail.set_resource(CutToSend(Payload(status, kResourceUrl), kMaxSentDetailBytes));
  v1::StatusDetails details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  details.add_details()->PackFrom(detail);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      details.SerializeAsString());
}

}  // namespace halftone
