#ifndef HALFTONE_NN_ENGINE_DERIVATIVE_H_
#define HALFTONE_NN_ENGINE_DERIVATIVE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
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

// Which way derivatives go from results back through a program. Where one is zero whatever the
// values are (of roundings, comparisons, positions) it ends.
struct DerivativeFlow {
  std::vector<bool> depends;  // by value: on one of those that were asked about
  std::vector<bool> arrives;  // by value: of those that depend, a derivative comes back
  // Label of instructions, and a source that they hand a derivative on to.
  absl::flat_hash_set<std::pair<std::string, ValueId>> passed;
};

// From all of `dsts` towards `wrt`, as AppendVjp goes.
absl::StatusOr<DerivativeFlow> TraceDerivative(const ProgramBuilder& builder,
                                               absl::Span<const ValueId> dsts,
                                               absl::Span<const ValueId> wrt);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_DERIVATIVE_H_
