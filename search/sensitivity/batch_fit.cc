#include "search/sensitivity/batch_fit.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace halftone {
absl::StatusOr<FittedProgram> FitBatch(const PreparedNetwork& network, int64_t wanted,
                                       int64_t samples, const BuildForBatch& build) {
  FittedProgram fitted;
  fitted.batch = network.BatchFor(wanted, samples);
  const bool can_shrink = !network.graph.fixed_batch().has_value();
  while (true) {
    HT_ASSIGN_OR_RETURN(Program program, build(fitted.batch));
    HT_ASSIGN_OR_RETURN(fitted.executable, Executable::Compile(std::move(program)));
    const int64_t bytes = fitted.executable->arena_bytes();
    if (bytes <= kMaxArenaBytes || fitted.batch == 1 || !can_shrink) return fitted;
    // Most of the memory grows with the batch: go straight to a batch that should fit.
    const int64_t fitting = fitted.batch * kMaxArenaBytes / bytes;
    fitted.batch = std::clamp<int64_t>(fitting, 1, (fitted.batch + 1) / 2);
  }
}

}  // namespace halftone
