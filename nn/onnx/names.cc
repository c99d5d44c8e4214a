#include "nn/onnx/names.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/printable.h"

namespace halftone {
namespace {

constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kExcerptBytes = 60;

}  // namespace

std::string Excerpt(absl::string_view text) {
  if (text.size() <= kExcerptBytes) return absl::CHexEscape(text);
  return absl::StrCat(absl::CHexEscape(text.substr(0, kExcerptBytes)), "...");
}

absl::Status CheckName(absl::string_view name, absl::string_view what) {
  if (name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the ", what, " '", Excerpt(name), "' has ",
                                                   name.size(), " bytes, more than ",
                                                   kMaxNameBytes));
  }
  if (!IsPrintableUtf8(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", what, " '", Excerpt(name), "' is not printable UTF-8"));
  }
  return absl::OkStatus();
}

}  // namespace halftone
