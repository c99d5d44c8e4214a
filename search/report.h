#ifndef HALFTONE_SEARCH_REPORT_H_
#define HALFTONE_SEARCH_REPORT_H_

#include <string>

#include "search/result.h"

namespace halftone {

// A search's answer as one HTML page that needs nothing else: summary, frontier plot (inline SVG),
// table of layers, where the numbers come from. Readable on light and dark screens and in print.
std::string RenderReport(const SearchResult& result);

// The configurations of a design space, what is best on each, and which was chosen, as HTML.
std::string RenderCodesign(const Codesign& codesign);

// The frontier of a solution as an SVG element: loss against `metric`, the chosen point and the
// budget (if there is one) marked. "" where there are fewer than two points.
std::string RenderFrontier(const Solution& solution, const std::string& metric,
                           const std::map<std::string, double>& budgets);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REPORT_H_
