#ifndef HALFTONE_SEARCH_SOLVER_ROUNDING_H_
#define HALFTONE_SEARCH_SOLVER_ROUNDING_H_

#include <vector>

#include "absl/types/span.h"
#include "search/solver/compact.h"
#include "search/solver/lagrangian.h"

namespace halftone {

// A selection made of those of a mixture, each variable's choice one of theirs, whose totals come
// near the mixture's. Where layers are alike, the mixture's selections differ in most variables, so
// that each of them is far from the limits and only something between them is near. `order` has
// every variable once: with pairs, what follows each other there should be joined by them, as the
// selection changes over from one of the mixture to the next few times. The mixture must not be
// empty.
Selection RoundMixture(const CompactProblem& problem, absl::Span<const int> order,
                       const std::vector<MixedSelection>& mixture);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_ROUNDING_H_
