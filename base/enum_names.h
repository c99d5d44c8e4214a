#ifndef HALFTONE_BASE_ENUM_NAMES_H_
#define HALFTONE_BASE_ENUM_NAMES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/shown_text.h"

namespace halftone {

// The values of an enum and the names that users write and files keep, told once:
//
//   constexpr EnumName<LossKind> kLosses[] = {{LossKind::kAuto, "auto"}, {LossKind::kKl, "kl"}};
//   constexpr EnumNames<LossKind> kLossNames("loss", kLosses);
//
// Borrows the list, which must have every value and no name twice. Immutable; thread-safe.
template <typename Enum>
struct EnumName {
  Enum value;
  const char* name;
};

template <typename Enum>
class EnumNames {
 public:
  // `what` says in errors what is named: "sensitivity method".
  constexpr EnumNames(const char* what, absl::Span<const EnumName<Enum>> entries)
      : what_(what), entries_(entries) {}

  absl::Span<const EnumName<Enum>> entries() const { return entries_; }

  // INVALID_ARGUMENT names the text and what there is.
  absl::StatusOr<Enum> Parse(absl::string_view text) const {
    for (const EnumName<Enum>& entry : entries_) {
      if (text == entry.name) return entry.value;
    }
    const auto append = [](std::string* out, const EnumName<Enum>& entry) {
      out->append(entry.name);
    };
    return absl::InvalidArgumentError(absl::StrCat("unknown ", what_, " ", Quoted(text),
                                                   "; there are ",
                                                   absl::StrJoin(entries_, ", ", append)));
  }

  // "unknown" for what is no value of the enum.
  absl::string_view NameOf(Enum value) const {
    for (const EnumName<Enum>& entry : entries_) {
      if (entry.value == value) return entry.name;
    }
    return "unknown";
  }

 private:
  const char* what_;
  absl::Span<const EnumName<Enum>> entries_;
};

}  // namespace halftone

#endif  // HALFTONE_BASE_ENUM_NAMES_H_
