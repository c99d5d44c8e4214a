#include "base/field_path.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/shown_text.h"

namespace halftone {
namespace {

constexpr char kFieldUrl[] = "halftone/field";

}  // namespace

absl::Status AtField(absl::string_view field, const absl::Status& status) {
  if (status.ok()) return status;
  const std::string inner = FieldOf(status);
  const absl::string_view separator = inner.empty() || absl::StartsWith(inner, "[") ? "" : ".";
  // The message already starts with the inner field.
  absl::Status outer(status.code(),
                     absl::StrCat(field, inner.empty() ? ": " : separator, status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { outer.SetPayload(url, payload); });
  outer.SetPayload(kFieldUrl, absl::Cord(absl::StrCat(field, separator, inner)));
  return outer;
}

std::string FieldOf(const absl::Status& status) {
  const absl::optional<absl::Cord> field = status.GetPayload(kFieldUrl);
  return field.has_value() ? std::string(*field) : std::string();
}

std::string FieldEntry(absl::string_view field, absl::string_view key) {
  return absl::StrCat(field, "[", Quoted(key), "]");
}

}  // namespace halftone
