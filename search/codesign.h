#ifndef HALFTONE_SEARCH_CODESIGN_H_
#define HALFTONE_SEARCH_CODESIGN_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// One configuration of an accelerator, with the bits that are best on it.
struct Configuration {
  std::string target;                             // "bitfusion?rows=16&columns=32"
  std::map<std::string, std::string> parameters;  // those that are searched
  std::map<std::string, double> figures;          // of the hardware: "area_mm2", "elements", ...
  Solution solution;                              // within the budgets; without its frontier
  // No other configuration's answer is at most as large in loss, latency, energy and area, as far
  // as these are known, and smaller in one of them. False where the budgets cannot be met.
  bool on_frontier = false;
};

// A point of the frontier of hardware and bits together.
struct CodesignPoint {
  std::string target;
  double loss = 0;
  double lower_bound = 0;
  Costs cost;
};

// The answer of a search over configurations.
struct Codesign {
  std::vector<Configuration> configurations;  // in the order of enumeration
  std::string chosen;                         // its target
  std::map<std::string, double> budgets;      // as numbers, the same for all configurations
  // Over all configurations and assignments that keep the budgets on other metrics: the points of
  // which no other has at most the loss, the cost in `metric` and the area. By rising area, then by
  // rising cost.
  std::string metric;
  std::vector<CodesignPoint> frontier;

  const Configuration* Find(const std::string& target) const;
};

// Points of the frontiers of so many configurations that are joined, for each of them.
size_t JoinedPointsOfEach(size_t configurations);
// Thins a configuration's frontier out to so many points, ends kept, without their assignments,
// which would take more memory than all else.
void ThinFrontier(size_t most_points, Solution& solution);

// Fills `frontier` from the solutions' own frontiers, which are then dropped.
void JoinFrontiers(const std::string& metric, Codesign& codesign);

// Marks on_frontier, and chooses: the least loss within the budgets (to 1e-9 of it), among those
// the least area, then the least latency. Where no configuration meets the budgets, the one whose
// nearest assignment exceeds them by the least total share.
void ChooseConfiguration(Codesign& codesign);

// {"chosen","metric","frontier":[..],"configurations":[{"target","parameters","figures","area",
//  "status","loss","bound","lower_bound","gap","cost","assignment","seconds","on_frontier"}]}, and
// back; "area" is figures.area_mm2 or null, "bound" is lower_bound.
nlohmann::json CodesignToJson(const Codesign& codesign);
absl::StatusOr<Codesign> CodesignFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CODESIGN_H_
