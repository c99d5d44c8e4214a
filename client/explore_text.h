#ifndef HALFTONE_CLIENT_EXPLORE_TEXT_H_
#define HALFTONE_CLIENT_EXPLORE_TEXT_H_

#include <string>

#include "halftone/v1/exploration_service.pb.h"
#include "nlohmann/json.hpp"

namespace halftone {

// The documents of `halftone explore`; "divergence" is null until it is evaluated.
nlohmann::json TrialToJson(const v1::Trial& trial);
nlohmann::json ExplorationToJson(const v1::Exploration& exploration);

// The same as tables for people.
std::string TrialsText(const nlohmann::json& document);  // of its "trials"
std::string ExplorationStatusText(const nlohmann::json& document);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_EXPLORE_TEXT_H_
