#ifndef HALFTONE_CLIENT_JOB_EXIT_CODE_H_
#define HALFTONE_CLIENT_JOB_EXIT_CODE_H_

#include "absl/status/status.h"
#include "client/exit_code.h"
#include "halftone/v1/job.pb.h"

namespace halftone {

// Of a command that asks for the result of a job that has none: of one that has not ended what
// `frontier`, `resolve` and `explore` end with, too.
inline ExitCode ExitCodeWithoutResult(const v1::Job& job) {
  switch (job.state()) {
    case v1::JOB_STATE_CANCELLED:
      return ExitCode::kCancelled;
    case v1::JOB_STATE_FAILED:
      break;
    default:
      return ExitCode::kBadInput;
  }
  // A job that was refused for its input is the user's mistake, not the program's failure.
  switch (static_cast<absl::StatusCode>(job.error().code())) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
      return ExitCode::kBadInput;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace halftone

#endif  // HALFTONE_CLIENT_JOB_EXIT_CODE_H_
