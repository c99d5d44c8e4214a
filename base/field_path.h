#ifndef HALFTONE_BASE_FIELD_PATH_H_
#define HALFTONE_BASE_FIELD_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace halftone {

// The error with the field at fault before its message and beside it, where FieldOf() finds it;
// nested calls make a path: `spec.budgets[1]`. Fields go by the names that they have in the
// service's requests. OK stays OK.
absl::Status AtField(absl::string_view field, const absl::Status& status);

// The path of the field at fault; empty if none.
std::string FieldOf(const absl::Status& status);

// The field's entry under a key that may be anything: `pins['conv1']`.
std::string FieldEntry(absl::string_view field, absl::string_view key);

}  // namespace halftone

#endif  // HALFTONE_BASE_FIELD_PATH_H_
