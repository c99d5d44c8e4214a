#ifndef HALFTONE_SEARCH_COST_WARNINGS_H_
#define HALFTONE_SEARCH_COST_WARNINGS_H_

#include <string>
#include <utility>
#include <vector>

#include "profilers/cost_table.h"
#include "search/solver/solution.h"

namespace halftone {

// Warnings of layers, by their names, as those of a whole network: what several of them say is one
// ("layer 'a' and 3 more: .."), since a busy machine disturbs all of them. Empty ones are none.
std::vector<std::string> JoinWarnings(
    const std::vector<std::pair<std::string, std::string>>& of_layers);

// Those of the rows that an assignment of precisions takes.
std::vector<std::string> WarningsOf(const CostTable& costs, const Assignment& assignment);

// Where the latency budget cannot be met by costs that were measured on a busy machine: that a run
// on a quiet one may meet it. Else "".
std::string BusyCaveat(const CostTable& costs, const Solution& solution);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_COST_WARNINGS_H_
