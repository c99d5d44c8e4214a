#ifndef HALFTONE_SEARCH_SOLVER_SOLVE_MEMORY_H_
#define HALFTONE_SEARCH_SOLVER_SOLVE_MEMORY_H_

#include <cstddef>

#include "absl/status/status.h"
#include "search/solver/compact.h"
#include "search/solver/elimination.h"

namespace halftone {

// What solving a problem holds at once, in bytes, by its size: its tables and matrices. Partial
// selections, of which a search holds the more the harder the problem is, have limits of their own
// and do not count.

// Of a matrix of the losses between so many columns, made from so many rows of a factor.
double CrossSolvingBytes(size_t columns, size_t rows, bool has_frontier);
// Of a problem without such a matrix, and a plan of its elimination.
double PairSolvingBytes(const CompactProblem& problem, const Elimination& elimination,
                        bool has_frontier);

// RESOURCE_EXHAUSTED where the latter would not fit MemoryBudget beside `held` bytes, with the
// figure and what would make it fit.
absl::Status CheckPairSolvingMemory(const CompactProblem& problem, size_t held, bool has_frontier);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_SOLVE_MEMORY_H_
