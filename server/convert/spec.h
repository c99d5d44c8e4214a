#ifndef HALFTONE_SERVER_CONVERT_SPEC_H_
#define HALFTONE_SERVER_CONVERT_SPEC_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/map.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "halftone/v1/job.pb.h"
#include "search/search_spec.h"
#include "server/convert/status.h"

namespace halftone {

// Requests to C++ values. All errors are INVALID_ARGUMENT and name the field; a number left at 0
// becomes the default; sizes, counts and lengths of names are bounded.

absl::StatusOr<SearchSpec> SpecFromProto(const v1::SearchSpec& spec);
// `defaults`: of what is not said.
absl::StatusOr<SensitivityOptions> SensitivityFromProto(
    const v1::SensitivitySpec& spec, const SensitivityOptions& defaults = SearchSpec().sensitivity);
absl::StatusOr<std::vector<Budget>> BudgetsFromProto(
    const google::protobuf::RepeatedPtrField<v1::Budget>& budgets);
// Of budgets that SpecFromProto takes: a part of a byte or of a nanosecond without a unit is meant
// as a factor, and a search would say so only after all its work.
absl::Status CheckBudgetUnits(const google::protobuf::RepeatedPtrField<v1::Budget>& budgets);
absl::StatusOr<std::vector<Precision>> PrecisionsFromProto(
    const google::protobuf::RepeatedPtrField<std::string>& precisions);
// layer -> precision, each checked.
absl::StatusOr<std::map<std::string, Precision>> AssignmentFromProto(
    const google::protobuf::Map<std::string, std::string>& assignment);
absl::StatusOr<absl::Duration> TimeLimitFromProto(double seconds, absl::Duration fallback);
// `value`, or `fallback` for 0; at most `most`.
absl::StatusOr<int64_t> CountFromProto(int64_t value, int64_t fallback, int64_t most);
// OK if `text` has at most so many bytes.
absl::Status CheckLength(absl::string_view what, absl::string_view text, size_t most);

// Reads `expression` into `left`, with the field's name in the error.
#define HT_ASSIGN_FIELD(left, field, expression)                             \
  do {                                                                       \
    auto ht_value = (expression);                                            \
    if (!ht_value.ok()) return AtField(field, std::move(ht_value).status()); \
    (left) = *std::move(ht_value);                                           \
  } while (false)

// What jobs are told apart by, all that the BASIC view shows of a spec: each field is bounded, as
// SpecFromProto checks. A summary's is itself.
v1::SearchSpec Summary(const v1::SearchSpec& spec);

// The bytes under which a spec (or its summary) is stored and compared, and back.
std::string SerializeSpec(const v1::SearchSpec& spec);
absl::StatusOr<v1::SearchSpec> ParseSpec(const std::string& bytes);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_SPEC_H_
