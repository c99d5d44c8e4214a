#ifndef HALFTONE_SERVER_CONVERT_STATUS_H_
#define HALFTONE_SERVER_CONVERT_STATUS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/field_path.h"
#include "grpcpp/support/status.h"
#include "halftone/v1/status.pb.h"

namespace halftone {

// The error with the resource that it is about in its details. OK stays OK.
absl::Status AboutResource(absl::string_view resource, const absl::Status& status);

// The error with a reason in its details, unless it has one already: whoever is closest to the
// mistake knows best. A reason comes with one code, as status.proto says; an error of another code
// is about something else and stays as it is, and so does OK.
absl::Status WithReason(v1::ErrorReason reason, const absl::Status& status);
template <typename Value>
absl::StatusOr<Value> WithReason(v1::ErrorReason reason, absl::StatusOr<Value> value) {
  if (value.ok()) return value;
  return WithReason(reason, value.status());
}

// Printable ASCII of the text, other bytes as '?', cut to 2 KiB: gRPC and protobuf want UTF-8,
// which names from files need not be.
std::string CleanText(absl::string_view text);

// The one place where errors become gRPC's: the same code and message, and a StatusDetails with an
// ErrorDetail in the trailing metadata `grpc-status-details-bin`, with the field of AtField(). gRPC
// loses texts that are larger than its metadata may be as they are sent, with three bytes for a '%'
// and for what is not printable: the message is cut to 2 KiB of such bytes, field and resource to
// 512, and what was cut ends with "[...]". With both details that stays below the limit, 8 KiB.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_STATUS_H_
