#ifndef HALFTONE_CLIENT_UPLOAD_COMMANDS_H_
#define HALFTONE_CLIENT_UPLOAD_COMMANDS_H_

#include <string>
#include <vector>

#include "client/command.h"
#include "halftone/v1/model_service.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// What `models` and `datasets` print of a page of uploads, in their order.
nlohmann::json UploadToJson(const v1::Model& model);
nlohmann::json UploadToJson(const v1::Dataset& dataset);
// Of uploads in that form: a line for each.
std::string UploadsText(const nlohmann::json& uploads);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_UPLOAD_COMMANDS_H_
