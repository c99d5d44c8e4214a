#ifndef HALFTONE_CLIENT_FRONTIER_TEXT_H_
#define HALFTONE_CLIENT_FRONTIER_TEXT_H_

#include <string>

#include "halftone/v1/search_service.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// The document of `halftone frontier`, of the job of that resource name.
nlohmann::json FrontierToJson(const std::string& job, const v1::GetFrontierResponse& frontier);
// The same as a table for people: a line for each point, in their order.
std::string FrontierText(const v1::GetFrontierResponse& frontier);
// The frontier of another answer to that search.
std::string FrontierText(const v1::ReSolveResponse& answer);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_FRONTIER_TEXT_H_
