#ifndef HALFTONE_SEARCH_SENSITIVITY_CUT_PROGRAM_H_
#define HALFTONE_SEARCH_SENSITIVITY_CUT_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/engine/lower.h"
#include "nn/engine/program.h"
#include "search/sensitivity/network_cuts.h"
#include "search/sensitivity/network_program.h"

// Programs that begin at a cut of the network, and are handed what comes before it.
namespace halftone {

// The values `values` of a lowered network, computed from the cut's value as an input of the
// program. Appends to the program.
absl::StatusOr<std::vector<ValueId>> ReadFromCut(LoweredGraph& lowered, const NetworkCut& cut,
                                                 absl::Span<const ValueId> values);

// Sets that input to the batch of samples from `begin` on. `source` has all batches, one after the
// other and each whole, with the repeated samples of the last: it is not asked how a value is cut
// into samples.
absl::Status SetCutSource(const NetworkCut& cut, absl::Span<const float> source, int64_t begin,
                          int64_t batch, BatchRunner& runner);

// The cut's value for all data, as SetCutSource takes it: batch by batch by the runner of a program
// that has it as an output. `set_source`: what the program reads beside the data.
absl::StatusOr<std::vector<float>> ComputeCut(
    const NetworkCut& cut, int64_t samples, int64_t batch, BatchRunner& runner,
    const std::function<absl::Status(int64_t begin)>& set_source, const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_CUT_PROGRAM_H_
