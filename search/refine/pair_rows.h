#ifndef HALFTONE_SEARCH_REFINE_PAIR_ROWS_H_
#define HALFTONE_SEARCH_REFINE_PAIR_ROWS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/cancellation.h"
#include "search/solver/problem.h"

namespace halftone {

// The losses of pairs as rows R that the solver takes, gram = R' R, by a Cholesky factorization
// with diagonal pivoting of their correlations (Higham, Accuracy and Stability of Numerical
// Algorithms, 2002, section 10.3): as many rows as the rank is, every correlation kept to a
// millionth. `gram`: [C x C] over all (layer, choice) of the problem, layer by layer. Nothing where
// it is not positive semi-definite, as a matrix is not in which only some pairs were kept. Takes
// time C times the square of the rank, and is cancelled within some hundredths of a second.
absl::StatusOr<std::optional<Problem::InteractionRows>> FactorPairs(
    const Problem& problem, absl::Span<const float> gram, const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_PAIR_ROWS_H_
