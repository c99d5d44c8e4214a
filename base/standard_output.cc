#include "base/standard_output.h"

#include <cerrno>
#include <cstdio>

#include "base/files.h"

namespace halftone {
namespace {

int first_error = 0;  // an errno

void Note(bool failed) {
  if (failed && first_error == 0) first_error = errno;
}

}  // namespace

void PrintText(absl::string_view text) {
  Note(std::fwrite(text.data(), 1, text.size(), stdout) != text.size());
}

absl::Status FlushOutput() {
  Note(std::fflush(stdout) != 0);
  if (first_error == 0 || first_error == EPIPE) return absl::OkStatus();
  return ErrnoToStatus(first_error, "cannot write to", "standard output");
}

}  // namespace halftone
