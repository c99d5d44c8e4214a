#ifndef HALFTONE_CLIENT_SOLUTION_TEXT_H_
#define HALFTONE_CLIENT_SOLUTION_TEXT_H_

#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// Whether a metric counts the activations that are alive at one node, of which the largest is
// `activation_bytes`.
bool IsPartOfThePeak(const std::string& metric);

// A cost in the unit that reads best, by the name of its metric and unit ("latency_ns").
std::string CostText(const std::string& metric, double value);
// A limit that would do, so that it does when it is taken from there; `above`: that is too low.
std::string LimitText(const std::string& metric, double limit, double above);

// "latency_ns 1.2 ms, size_bytes 300 KB" of costs by metric.
std::string CostsText(const nlohmann::json& costs);

// A solver's answer as tables for people.
std::string SolutionText(const nlohmann::json& document);
// Why no assignment meets the budgets, and what would do; `caveat` says why another run may meet
// them, or is empty.
std::string InfeasibleText(const nlohmann::json& infeasible, const std::string& caveat);
// What binds, and what is one step from changing; `loss` is what the solution minimizes, `subject`
// names the assignment that is explained above its column.
std::string ExplanationText(const nlohmann::json& explanation, double loss,
                            const std::string& subject = "chosen");

}  // namespace halftone

#endif  // HALFTONE_CLIENT_SOLUTION_TEXT_H_
