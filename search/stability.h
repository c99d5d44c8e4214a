#ifndef HALFTONE_SEARCH_STABILITY_H_
#define HALFTONE_SEARCH_STABILITY_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nlohmann/json_fwd.hpp"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// How an answer changes when the calibration samples are drawn again (a bootstrap): what is chosen
// by the data, and what by chance. A plain value.
struct Stability {
  struct Layer {
    std::string name;
    std::string chosen;                    // with the losses of all samples
    double changed = 0;                    // share of the resamples that choose otherwise
    std::map<std::string, double> shares;  // choice -> share of the resamples that choose it
  };
  int resamples = 0;
  std::vector<Layer> layers;  // in the order of the problem
};

using ProblemSolver =
    std::function<absl::StatusOr<Solution>(const Problem& problem, const Progress& progress)>;

// Solves `problem` again with each of the sensitivity's resampled losses in the place of its own:
// those of layers and choices (precisions) that both know. Interactions keep their correlation:
// they are scaled by the roots of their choices' losses. `chosen`: the answer to the problem
// itself. INVALID_ARGUMENT where the sensitivity has no resampled losses, or knows none of the
// problem's layers; FAILED_PRECONDITION where a problem has no solution.
absl::StatusOr<Stability> MeasureStability(const Problem& problem,
                                           const std::map<std::string, std::string>& chosen,
                                           const SensitivityResult& sensitivity,
                                           const ProblemSolver& solve, const Progress& progress);

nlohmann::json StabilityToJson(const Stability& stability);
absl::StatusOr<Stability> StabilityFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STABILITY_H_
