#ifndef HALFTONE_BASE_SHOWN_TEXT_H_
#define HALFTONE_BASE_SHOWN_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace halftone {

// What an error shows of a text that somebody sent: all of it in quotes, or its beginning where it
// is longer than 256 bytes: "'aaaa...' (100000 bytes)".
std::string Quoted(absl::string_view text);

// What a log shows of a text: printable ASCII on one line, of which at most 1 KiB.
std::string LogLine(absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_BASE_SHOWN_TEXT_H_
