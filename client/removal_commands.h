#ifndef HALFTONE_CLIENT_REMOVAL_COMMANDS_H_
#define HALFTONE_CLIENT_REMOVAL_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/command.h"
#include "halftone/v1/model_service.pb.h"
#include "nlohmann/json_fwd.hpp"

namespace halftone {

// Whether `delete` is asked about an upload, `models/..` or `datasets/..`, and not about a job.
bool NamesUpload(const std::string& name);
// INVALID_ARGUMENT for what names something else, and says what may be named.
absl::Status CheckIsDeletable(const std::string& name);
// Takes the upload away, with the copies here of results that were made from it, and prints what
// went.
absl::StatusOr<ExitCode> DeleteUpload(const CommandLine& line, const std::string& name);
// Takes the job away, with the copies here of its result, and says so.
absl::StatusOr<ExitCode> DeleteJob(const CommandLine& line, const std::string& name, bool force);

nlohmann::json RemovalToJson(const v1::Removal& removal);
std::string RemovalText(const v1::Removal& removal);
// `folders`: of copies of results that are gone.
std::string CopiesText(const std::vector<std::string>& folders);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_REMOVAL_COMMANDS_H_
