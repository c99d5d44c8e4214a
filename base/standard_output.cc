#include "base/standard_output.h"

#include <cerrno>
#include <cstdio>
#include <string>

#include "base/files.h"
#include "base/printable.h"

namespace halftone {
namespace {

int first_error = 0;  // an errno

void Note(bool failed) {
  if (failed && first_error == 0) first_error = errno;
}

}  // namespace

void PrintText(absl::string_view text) {
  const std::string printable = Printable(text);
  Note(std::fwrite(printable.data(), 1, printable.size(), stdout) != printable.size());
}

absl::Status FlushOutput() {
  Note(std::fflush(stdout) != 0);
  if (first_error == 0 || first_error == EPIPE) return absl::OkStatus();
  return ErrnoToStatus(first_error, "cannot write to", "standard output");
}

}  // namespace halftone
