#include "server/services/request_texts.h"

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/printable.h"
#include "base/status_macros.h"

namespace halftone {

absl::Status CheckBytes(absl::string_view field, const std::string& text, size_t most) {
  if (text.size() <= most) return absl::OkStatus();
  return AtField(field, absl::InvalidArgumentError(
                            absl::StrCat("has ", text.size(), " bytes, the limit is ", most)));
}

absl::Status CheckDisplayName(absl::string_view field, const std::string& name) {
  constexpr size_t kMaxBytes = 256;
  HT_RETURN_IF_ERROR(CheckBytes(field, name, kMaxBytes));
  if (IsPrintableUtf8(name)) return absl::OkStatus();
  return AtField(field, absl::InvalidArgumentError("has control characters: a name is for people"));
}

}  // namespace halftone
