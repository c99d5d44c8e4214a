#ifndef HALFTONE_CLIENT_JOB_ACTIONS_H_
#define HALFTONE_CLIENT_JOB_ACTIONS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/command.h"

namespace halftone {

// Shows a job's progress until its end.
absl::Status Watch(Connection& connection, const std::string& job, ProgressBar& bar);

// Prints how an ended job ended: its result, with the artifacts downloaded into `output` (default:
// a folder of its own under the state directory), or why there is none.
absl::StatusOr<ExitCode> PrintEnd(const CommandLine& line, Connection& connection,
                                  const std::string& job, const std::string& output);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_JOB_ACTIONS_H_
