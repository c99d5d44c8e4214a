#ifndef HALFTONE_BASE_PRINTABLE_H_
#define HALFTONE_BASE_PRINTABLE_H_

#include <string>

#include "absl/strings/string_view.h"

// Texts that others chose and that a terminal may come to see, where control characters would be
// obeyed: U+0000 to U+001F and U+007F to U+009F. Thread-safe.
namespace halftone {

// Whether all of it is well-formed UTF-8 (RFC 3629) without control characters, newlines and tabs
// among them.
bool IsPrintableUtf8(absl::string_view text);

// The text with its control characters, and its bytes that are no UTF-8, written as "\x1b"; lines
// and tabs stay as they are.
std::string Printable(absl::string_view text);
// The same on one line: "\n" and "\t" are written so.
std::string PrintableLine(absl::string_view text);
// The same of a JSON document, which stays one: U+007F to U+009F are written as "\u009b".
std::string PrintableJson(absl::string_view document);

}  // namespace halftone

#endif  // HALFTONE_BASE_PRINTABLE_H_
