#ifndef HALFTONE_BASE_BOUNDED_JSON_H_
#define HALFTONE_BASE_BOUNDED_JSON_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace halftone {

// What a document from outside may hold. A value is a number, text, truth value, null, array or
// object; built, it takes 16 to some 200 bytes, however short its text is.
struct JsonLimits {
  size_t max_values = 4'000'000;
  size_t max_depth = 64;  // of arrays and objects in each other
};

// Parses JSON that somebody else wrote: reading ends at the limit, before more is built.
// INVALID_ARGUMENT: it "is not JSON" (with the line and the column, in bytes, where it ceases to
// be), exceeds a limit (which is stated), an object has a name twice, or a number cannot be told
// from 0 or from infinity (which are named). Thread-safe.
absl::StatusOr<nlohmann::json> ParseBoundedJson(absl::string_view text,
                                                const JsonLimits& limits = {});

}  // namespace halftone

#endif  // HALFTONE_BASE_BOUNDED_JSON_H_
