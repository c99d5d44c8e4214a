#include "search/sensitivity/batch_fit.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace halftone {
namespace {

// How many times more it holds or computes at once than it should.
double ExcessOf(const Executable& executable) {
  return std::max(
      static_cast<double>(executable.arena_bytes()) / static_cast<double>(kMaxArenaBytes),
      executable.step_cost() / kMaxFittedCost);
}

}  // namespace

bool FitsBounds(const Executable& executable) { return ExcessOf(executable) <= 1; }

absl::StatusOr<FittedProgram> FitBatch(const PreparedNetwork& network, int64_t wanted,
                                       int64_t samples, const BuildForBatch& build) {
  FittedProgram fitted;
  fitted.batch = network.BatchFor(wanted, samples);
  const bool is_fixed = network.graph.fixed_batch().has_value();
  while (true) {
    HT_ASSIGN_OR_RETURN(Program program, build(fitted.batch));
    absl::StatusOr<std::shared_ptr<const Executable>> compiled =
        Executable::Compile(std::move(program));
    const bool can_shrink = fitted.batch > 1 && !is_fixed;
    if (!compiled.ok() && !(absl::IsResourceExhausted(compiled.status()) && can_shrink)) {
      return compiled.status();
    }
    double excess = 2;
    if (compiled.ok()) {
      fitted.executable = *std::move(compiled);
      excess = ExcessOf(*fitted.executable);
      if (excess <= 1 || !can_shrink) return fitted;
    }
    // Most of what is too much grows with the batch: go straight to a batch that should fit.
    const auto fitting = static_cast<int64_t>(static_cast<double>(fitted.batch) / excess);
    fitted.batch = std::clamp<int64_t>(fitting, 1, (fitted.batch + 1) / 2);
  }
}

}  // namespace halftone
