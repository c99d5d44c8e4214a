#ifndef HALFTONE_CLIENT_REMOVAL_COMMANDS_H_
#define HALFTONE_CLIENT_REMOVAL_COMMANDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/command.h"
#include "halftone/v1/model_service.pb.h"
#include "nlohmann/json_fwd.hpp"

namespace halftone {

// Whether `delete` is asked about an upload, `models/..` or `datasets/..`, and not about a job.
bool NamesUpload(const std::string& name);
// Takes the upload away and prints what went with it.
absl::StatusOr<ExitCode> DeleteUpload(const CommandLine& line, const std::string& name);

nlohmann::json RemovalToJson(const v1::Removal& removal);
std::string RemovalText(const v1::Removal& removal);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_REMOVAL_COMMANDS_H_
