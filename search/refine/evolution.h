#ifndef HALFTONE_SEARCH_REFINE_EVOLUTION_H_
#define HALFTONE_SEARCH_REFINE_EVOLUTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/solver/solution.h"

namespace halftone {

// An assignment within the budgets and what it is worth, in the order of Evolution::objectives.
struct MeasuredPoint {
  Assignment assignment;
  std::vector<double> objectives;
};

// What an evolutionary search over measured truth began with and what it found. A plain value.
struct Evolution {
  std::vector<std::string> objectives;  // "divergence", then metrics: "latency_ns"
  uint64_t seed = 0;
  int start_evaluations = 0;  // of what it began with, by the model
  int evaluations = 0;        // of these and of all that it tried
  // Least divergences, and volumes between the front and `reference`: the worst value of each
  // objective among what it began with, and a tenth more. What is found is never worse.
  double start_divergence = 0, divergence = 0;
  double start_hypervolume = 0, hypervolume = 0;
  std::vector<double> reference;
  std::vector<MeasuredPoint> front;  // not dominated by any that was tried; by rising divergence
};

nlohmann::json EvolutionToJson(const Evolution& evolution);
// INVALID_ARGUMENT names a field that does not fit.
absl::StatusOr<Evolution> EvolutionFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_EVOLUTION_H_
