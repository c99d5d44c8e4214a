#ifndef HALFTONE_BASE_STANDARD_OUTPUT_H_
#define HALFTONE_BASE_STANDARD_OUTPUT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace halftone {

// Prints on standard output, which keeps some of it back: what went wrong, FlushOutput() says. Of
// control characters, which are never this program's own, lines and tabs are printed and others
// escaped. Not thread-safe.
void PrintText(absl::string_view text);

// Writes what is kept back. The first reason for which something printed was lost, such as
// RESOURCE_EXHAUSTED for a full disk; OK where only its reader went away, as `head` does: it has
// all that it wanted.
absl::Status FlushOutput();

}  // namespace halftone

#endif  // HALFTONE_BASE_STANDARD_OUTPUT_H_
