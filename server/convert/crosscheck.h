#ifndef HALFTONE_SERVER_CONVERT_CROSSCHECK_H_
#define HALFTONE_SERVER_CONVERT_CROSSCHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "halftone/v1/crosscheck.pb.h"
#include "search/crosscheck/crosscheck_result.h"
#include "search/crosscheck/crosscheck_spec.h"

namespace halftone {

// As SpecFromProto.
absl::StatusOr<CrosscheckSpec> CrosscheckFromProto(const v1::CrosscheckSpec& spec);
v1::CrosscheckResult CrosscheckResultToProto(const CrosscheckResult& result);

// As that of a search's spec.
v1::CrosscheckSpec Summary(const v1::CrosscheckSpec& spec);

// The bytes under which the spec of a crosscheck is stored and compared, and back. They begin
// otherwise than any search's, so that the stored spec tells what kind a job is of.
std::string SerializeCrosscheck(const v1::CrosscheckSpec& spec);
bool IsCrosscheck(absl::string_view stored_spec);
absl::StatusOr<v1::CrosscheckSpec> ParseCrosscheck(absl::string_view stored_spec);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_CROSSCHECK_H_
