#ifndef HALFTONE_SEARCH_SOLVER_LIMIT_SHIFTS_H_
#define HALFTONE_SEARCH_SOLVER_LIMIT_SHIFTS_H_

#include <cstddef>
#include <vector>

namespace halftone {

// By what share of its room each of several limits is shifted, for multipliers that suit what some
// choices leave of them: one limit at a time, and where that is `thorough`, two limits also both at
// once, more or less of each. None for one limit.
std::vector<std::vector<double>> LimitShifts(size_t limits, bool thorough);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_LIMIT_SHIFTS_H_
