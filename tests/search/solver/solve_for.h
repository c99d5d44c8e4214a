#ifndef HALFTONE_TESTS_SEARCH_SOLVER_SOLVE_FOR_H_
#define HALFTONE_TESTS_SEARCH_SOLVER_SOLVE_FOR_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/fake_clock.h"
#include "base/progress.h"
#include "search/solver/solver.h"

namespace halftone {

// As far as that many questions to the clock reach, whatever the machine.
inline absl::StatusOr<Solution> SolveFor(const Problem& problem, int questions) {
  const FakeSteadyClock clock(absl::Milliseconds(1));
  Progress progress;
  progress.cancellation = Cancellation(clock);
  return Solve(problem, {.time_limit = absl::Milliseconds(questions)}, progress);
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_SEARCH_SOLVER_SOLVE_FOR_H_
