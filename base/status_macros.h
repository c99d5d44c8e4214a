#ifndef HALFTONE_BASE_STATUS_MACROS_H_
#define HALFTONE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

// Returns from the enclosing function when `expression` is not OK.
#define HT_RETURN_IF_ERROR(expression)                            \
  do {                                                            \
    if (absl::Status ht_status = (expression); !ht_status.ok()) { \
      return ht_status;                                           \
    }                                                             \
  } while (false)

// Names and declarations: nothing that could stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
// HT_ASSIGN_OR_RETURN(auto value, Function()); assigns, or returns the error.
#define HT_ASSIGN_OR_RETURN(left, expression) \
  HT_ASSIGN_OR_RETURN_IMPL(HT_CONCAT(ht_status_or_, __LINE__), left, expression)
#define HT_ASSIGN_OR_RETURN_IMPL(temporary, left, expression) \
  auto temporary = (expression);                              \
  if (!temporary.ok()) return std::move(temporary).status();  \
  left = *std::move(temporary)
#define HT_CONCAT(a, b) HT_CONCAT_IMPL(a, b)
#define HT_CONCAT_IMPL(a, b) a##b
// NOLINTEND(bugprone-macro-parentheses)

namespace halftone {

// The same error with "`context`: " before its message; OK stays OK.
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace halftone

#endif  // HALFTONE_BASE_STATUS_MACROS_H_
