#ifndef HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_REPORT_H_
#define HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_REPORT_H_

#include <string>

#include "search/crosscheck/crosscheck_result.h"

namespace halftone {

// A crosscheck as one HTML page that needs nothing else: summary, scores, scatter plots.
std::string RenderCrosscheck(const CrosscheckResult& result);

// Predicted against measured divergence, both logarithmic, as an SVG element: a panel for every
// estimator that has scores; with the line of equality where the divergence itself is predicted.
std::string RenderScatter(const CrosscheckResult& result);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CROSSCHECK_CROSSCHECK_REPORT_H_
