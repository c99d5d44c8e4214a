#ifndef HALFTONE_CLIENT_EXIT_CODE_H_
#define HALFTONE_CLIENT_EXIT_CODE_H_

#include "absl/status/status.h"

namespace halftone {

// What the `halftone` command ends with. Scripts rely on the numbers.
enum class ExitCode {
  kDone = 0,
  kFailed = 1,      // the job, or the command in a way that is not the user's fault
  kBadInput = 2,    // wrong usage or bad input
  kInfeasible = 3,  // the budgets cannot be met; a result is printed all the same
  kCancelled = 4,
  kUnreachable = 5,  // no server answers
};

inline ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return ExitCode::kBadInput;
    case absl::StatusCode::kCancelled:
      return ExitCode::kCancelled;
    case absl::StatusCode::kUnavailable:
      return ExitCode::kUnreachable;
    default:
      return ExitCode::kFailed;
  }
}

}  // namespace halftone

#endif  // HALFTONE_CLIENT_EXIT_CODE_H_
