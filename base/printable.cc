#include "base/printable.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

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

// Of a well-formed sequence.
bool IsControl(absl::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead < 0x20 || lead == 0x7f;
  return lead == 0xc2 && static_cast<uint8_t>(sequence[1]) < 0xa0;
}

std::string Hex(char c) {
  return absl::StrCat(absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
}

// The text with what is no printable UTF-8 replaced: `escape` is given a control character, or one
// byte that is no UTF-8.
template <typename Escape>
std::string Escaped(absl::string_view text, const Escape& escape) {
  std::string out;
  out.reserve(text.size());
  size_t begin = 0, end = 0;  // of what is printable and not in `out` yet
  while (end < text.size()) {
    const size_t length = SequenceLength(text.substr(end));
    const absl::string_view sequence = text.substr(end, length == 0 ? 1 : length);
    if (length == 0 || IsControl(sequence)) {
      absl::StrAppend(&out, text.substr(begin, end - begin), escape(sequence));
      begin = end + sequence.size();
    }
    end += sequence.size();
  }
  absl::StrAppend(&out, text.substr(begin));
  return out;
}

std::string EscapedBytes(absl::string_view sequence) {
  std::string out;
  for (const char c : sequence) absl::StrAppend(&out, "\\x", Hex(c));
  return out;
}

}  // namespace

bool IsPrintableUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0 || IsControl(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Printable(absl::string_view text) {
  return Escaped(text, [](absl::string_view sequence) {
    return sequence == "\n" || sequence == "\t" ? std::string(sequence) : EscapedBytes(sequence);
  });
}

std::string PrintableLine(absl::string_view text) {
  return Escaped(text, [](absl::string_view sequence) -> std::string {
    if (sequence == "\n") return "\\n";
    return sequence == "\t" ? "\\t" : EscapedBytes(sequence);
  });
}

std::string PrintableJson(absl::string_view document) {
  return Escaped(document, [](absl::string_view sequence) {
    const char last = sequence.back();
    // Outside of strings there are none but these; what is less is escaped in them already.
    return last == '\n' || last == '\t' ? std::string(sequence) : absl::StrCat("\\u00", Hex(last));
  });
}

}  // namespace halftone
