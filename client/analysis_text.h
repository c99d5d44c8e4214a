#ifndef HALFTONE_CLIENT_ANALYSIS_TEXT_H_
#define HALFTONE_CLIENT_ANALYSIS_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// The documents of the analyses as tables for people.
std::string InspectionText(const nlohmann::json& document);
std::string SensitivityText(const nlohmann::json& document);
// How often choices change when the samples are drawn again.
std::string StabilityText(const nlohmann::json& stability);
std::string ProfileText(const nlohmann::json& document);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_ANALYSIS_TEXT_H_
