#ifndef HALFTONE_CLIENT_SOLUTION_TEXT_H_
#define HALFTONE_CLIENT_SOLUTION_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// A cost in the unit that reads best, by the name of its metric and unit ("latency_ns").
std::string CostText(const std::string& metric, double value);

// A solver's answer as tables for people.
std::string SolutionText(const nlohmann::json& document);
// Why no assignment meets the budgets, and what would do.
std::string InfeasibleText(const nlohmann::json& infeasible);
// What binds, and what is one step from changing; `loss` is the solution's.
std::string ExplanationText(const nlohmann::json& explanation, double loss);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_SOLUTION_TEXT_H_
