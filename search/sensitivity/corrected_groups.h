#ifndef HALFTONE_SEARCH_SENSITIVITY_CORRECTED_GROUPS_H_
#define HALFTONE_SEARCH_SENSITIVITY_CORRECTED_GROUPS_H_

#include <algorithm>
#include <cstddef>

namespace halftone {

// How many of a layer's choices are really measured at a time before it is asked whether the rest
// needs it (fisher-corrected): a few, or an eighth of them.
inline size_t MeasuredTogether(size_t choices) { return std::max<size_t>(4, choices / 8); }

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_CORRECTED_GROUPS_H_
