#include "nn/onnx/names.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kExcerptBytes = 60;

// Bytes of the UTF-8 sequence at the front of `text`; 0 when it is malformed (RFC 3629).
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) > 0x9f;
  const bool beyond = lead == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

bool IsPrintableUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    const auto lead = static_cast<uint8_t>(text[0]);
    if (length == 0 || lead < 0x20 || lead == 0x7f) return false;
    text.remove_prefix(length);
  }
  return true;
}

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
