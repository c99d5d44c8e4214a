#ifndef HALFTONE_SEARCH_SENSITIVITY_SAMPLE_INDEPENDENCE_H_
#define HALFTONE_SEARCH_SENSITIVITY_SAMPLE_INDEPENDENCE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "nn/data/dataset.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What a reader should know of a network in which samples that run together influence each other,
// as where something is reduced over the batch: what is measured holds for the batches that it was
// measured in. So it is where another axis, as that of time, is taken for that of samples. Nothing
// where outputs of the first two samples are the same, to 1e-4 of the largest element, beside each
// other and in a batch of themselves, and where no two samples run together or there is one alone.
// The data must fit the network.
absl::StatusOr<std::optional<std::string>> WarnOfMixedSamples(const PreparedNetwork& network,
                                                              const Dataset& data,
                                                              const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SAMPLE_INDEPENDENCE_H_
