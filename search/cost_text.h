#ifndef HALFTONE_SEARCH_COST_TEXT_H_
#define HALFTONE_SEARCH_COST_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace halftone {

// A cost in the unit that reads best, by the metric's key in a problem ("latency_ns").
std::string FormatCost(absl::string_view key, double value);

// A limit that would do, so that it does when it is taken from there; `above`: that is too low.
std::string FormatLimit(absl::string_view key, double limit, double above);

// The metric in words: "size".
std::string MetricTitle(absl::string_view key);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_COST_TEXT_H_
