#ifndef HALFTONE_CLIENT_STRATEGY_TEXT_H_
#define HALFTONE_CLIENT_STRATEGY_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// "3x w4a4 1x w8a8" of an assignment.
std::string PrecisionCounts(const nlohmann::json& assignment);

// What an evolutionary search gained and its front, from "refined.evolution" of a result.
std::string EvolutionText(const nlohmann::json& evolution);

// What optimizers outside found, from a result's "exploration".
std::string ExplorationText(const nlohmann::json& exploration);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_STRATEGY_TEXT_H_
