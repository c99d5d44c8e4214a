#ifndef HALFTONE_SEARCH_EXPLANATION_REPORT_H_
#define HALFTONE_SEARCH_EXPLANATION_REPORT_H_

#include <string>

#include "search/solver/solution.h"

namespace halftone {

// Why the assignment of a solution is as it is, or why there is none, as HTML: what binds, what
// would do, and what is next best. "" where nothing was asked.
std::string RenderExplanation(const Solution& solution);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EXPLANATION_REPORT_H_
