#ifndef HALFTONE_SEARCH_SENSITIVITY_BATCH_FIT_H_
#define HALFTONE_SEARCH_SENSITIVITY_BATCH_FIT_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "nn/engine/executor.h"
#include "nn/engine/program.h"
#include "search/sensitivity/methods.h"

namespace halftone {

// What a session may hold unless one sample, or the batch that the file fixes, needs more: a
// larger batch is no faster (docs/benchmarks.md), and its values leave the caches sooner.
inline constexpr int64_t kMaxArenaBytes = int64_t{256} << 20;

struct FittedProgram {
  int64_t batch = 1;
  std::shared_ptr<const Executable> executable;
};

// What a step may compute unless one sample, or the batch that the file fixes, needs more, in
// multiply-adds: about a second of two cores, for nobody can stop it in its midst.
inline constexpr double kMaxFittedCost = 5e10;

// Whether it keeps to both.
bool FitsBounds(const Executable& executable);

// Compiles what `build` makes for a batch: for `wanted` samples (at most `samples`), and for fewer
// where a session would hold more than kMaxArenaBytes, or a step compute more than kMaxFittedCost
// (unless the file fixes the batch). `build` is
// called last with the batch that is returned.
using BuildForBatch = std::function<absl::StatusOr<Program>(int64_t batch)>;
absl::StatusOr<FittedProgram> FitBatch(const PreparedNetwork& network, int64_t wanted,
                                       int64_t samples, const BuildForBatch& build);

// The same for the batch and the data of a SensitivityRequest or a ChoiceRequest.
template <typename Request>
absl::StatusOr<FittedProgram> FitBatch(const Request& request, const BuildForBatch& build) {
  return FitBatch(request.network, request.options.batch, request.data.samples(), build);
}

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_BATCH_FIT_H_
