#ifndef HALFTONE_SERVER_JOBS_STATE_ERRORS_H_
#define HALFTONE_SERVER_JOBS_STATE_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace halftone {

// Errors about the files of a state directory, for who asked for something else.

// What makes room on the disk of a state directory.
inline constexpr char kMakeRoom[] =
    "delete jobs, models or datasets (halftone delete), collect what is out of use (halftone gc), "
    "or free space on that disk";

// As ErrnoToStatus, of a write that failed: with what to do where the disk is full.
absl::Status WriteError(int error, absl::string_view what, const std::string& path);

// NOT_FOUND as DATA_LOSS: a folder is gone or is none, and nothing that a caller asks for by name
// is missing. The log has its path.
absl::Status AboutState(const absl::Status& status);
// The same of what a writer has written so far.
absl::Status AboutPart(const absl::Status& status);

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_STATE_ERRORS_H_
