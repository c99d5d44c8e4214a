#include "base/shown_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

constexpr size_t kMaxQuotedBytes = 256;
constexpr size_t kBeginningBytes = 64;
constexpr size_t kMaxLogBytes = 1024;
constexpr absl::string_view kCutMark = "[...]";

}  // namespace

std::string Quoted(absl::string_view text) {
  if (text.size() <= kMaxQuotedBytes) return absl::StrCat("'", text, "'");
  return absl::StrCat("'", text.substr(0, kBeginningBytes), "...' (", text.size(), " bytes)");
}

std::string LogLine(absl::string_view text) {
  const bool fits = text.size() <= kMaxLogBytes;
  std::string line(fits ? text : text.substr(0, kMaxLogBytes - kCutMark.size()));
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return fits ? line : absl::StrCat(line, kCutMark);
}

}  // namespace halftone
