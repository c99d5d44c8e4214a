#ifndef HALFTONE_SEARCH_CODESIGN_MEMORY_H_
#define HALFTONE_SEARCH_CODESIGN_MEMORY_H_

#include <cstddef>

#include "absl/status/status.h"

namespace halftone {

// How large a search over configurations is.
struct CodesignSize {
  size_t configurations = 0;  // the base among them
  size_t layers = 0;
  size_t precisions = 0;  // that are profiled
  size_t name_bytes = 0;  // of all layers' names
};

// What the stages profile and solve of such a search hold at once, in bytes: all cost tables as
// they are stored and one that is read, all answers and one frontier with its assignments, and what
// these are written as. Rows are counted as long as those of simulated accelerators.
double CodesignBytes(const CodesignSize& size);

// RESOURCE_EXHAUSTED where that would not fit MemoryBudget, with the figure and the number of
// configurations that would fit.
absl::Status CheckCodesignMemory(const CodesignSize& size);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CODESIGN_MEMORY_H_
