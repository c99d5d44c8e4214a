#ifndef HALFTONE_CLIENT_JOB_ACTIONS_H_
#define HALFTONE_CLIENT_JOB_ACTIONS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/command.h"

namespace halftone {

// Shows a job's progress until its end.
absl::Status Watch(Connection& connection, const std::string& job, ProgressBar& bar);

// The resource name of a job, whose collection people may leave out.
std::string FullJobName(const std::string& job);

// What makes a submission idempotent, where the user gives nothing; also what a solve is
// stopped by.
std::string NewRequestId();

// --output, of the commands that print a result: a path that cannot become a folder is refused
// before any work.
void AddOutputFlag(CLI::App* sub, std::string* output);

// Runs a job that was just created to its end, with progress, and prints how it ended. Ctrl-C
// cancels the job.
absl::StatusOr<ExitCode> RunToEnd(const CommandLine& line, Connection& connection,
                                  const v1::Job& job, ProgressBar& bar, const std::string& output);

// Prints a job that was just created and is left to itself.
ExitCode PrintQueued(const CommandLine& line, const Connection& connection, const v1::Job& job,
                     ProgressBar& bar);

// Prints how an ended job ended: its result, with the artifacts downloaded into `output` (default:
// where ResultCopies has them), or why there is none.
absl::StatusOr<ExitCode> PrintEnd(const CommandLine& line, Connection& connection,
                                  const std::string& job, const std::string& output);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_JOB_ACTIONS_H_
