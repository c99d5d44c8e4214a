#ifndef HALFTONE_CLIENT_TARGET_TEXT_H_
#define HALFTONE_CLIENT_TARGET_TEXT_H_

#include <string>

#include "halftone/v1/analysis_service.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// The document of `halftone targets`.
nlohmann::json TargetsToJson(const v1::ListTargetsResponse& response);
// The same as a table for people, below each target the profilers that measure for it.
std::string TargetsText(const v1::ListTargetsResponse& response);

// "halftone 1.2.0 (compiler 13)".
std::string VersionText(const v1::GetVersionResponse& version);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_TARGET_TEXT_H_
