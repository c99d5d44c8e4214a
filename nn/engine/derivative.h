#ifndef HALFTONE_NN_ENGINE_DERIVATIVE_H_
#define HALFTONE_NN_ENGINE_DERIVATIVE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/engine/program.h"

namespace halftone {

// Appends the reverse-mode derivative to a program: for each value of `wrt`, the value of
// sum_i diff_dsts[i] . d dsts[i] / d wrt, with its shape (a constant zero where nothing depends on
// it). The values of `wrt` may be inputs, constants or intermediate values. Applying it to
// the gradient it made gives Hessian-vector products (Pearlmutter 1994).
absl::StatusOr<std::vector<ValueId>> AppendVjp(ProgramBuilder& builder,
                                               absl::Span<const ValueId> dsts,
                                               absl::Span<const ValueId> diff_dsts,
                                               absl::Span<const ValueId> wrt);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_DERIVATIVE_H_
