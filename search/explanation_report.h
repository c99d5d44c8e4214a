#ifndef HALFTONE_SEARCH_EXPLANATION_REPORT_H_
#define HALFTONE_SEARCH_EXPLANATION_REPORT_H_

#include <optional>
#include <string>

#include "search/solver/solution.h"

namespace halftone {

// Why the assignment of a solution is as it is, or why there is none, as HTML: what binds, what
// would do, and what is next best. "" where nothing was asked. `departures`: of how many layers the
// search's answer has another precision; absent where the solution is the answer.
std::string RenderExplanation(const Solution& solution, std::optional<int> departures);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EXPLANATION_REPORT_H_
