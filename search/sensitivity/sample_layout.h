#ifndef HALFTONE_SEARCH_SENSITIVITY_SAMPLE_LAYOUT_H_
#define HALFTONE_SEARCH_SENSITIVITY_SAMPLE_LAYOUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "nn/data/dataset.h"
#include "nn/engine/program.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// Where the samples of a batch lie in a value: its elements in C order are [outer, batch, inner],
// whatever its axes are. Mostly samples come first, and outer is 1; torch's attention puts tokens
// before them, and then merges the two axes.
struct SampleLayout {
  int64_t outer = 1, inner = 1;  // the same at any batch
};
// Of several values; nullopt where the samples cannot be told apart.
using SampleLayouts = std::vector<std::optional<SampleLayout>>;

// Of each of `values`, by their names in the graphs that Bind makes, where up to `batch` samples
// (network.BatchFor) are to be computed at once. The shapes at two batches say it unless an axis
// holds samples and something else, or the file fixes the batch: then the float network runs with
// another last sample, and the elements that move are that sample's.
absl::StatusOr<SampleLayouts> FindSampleLayouts(const PreparedNetwork& network, const Dataset& data,
                                                int64_t batch,
                                                PreparedNetwork::BatchNorm batch_norm,
                                                const std::vector<std::string>& values,
                                                const Cancellation& cancellation);

// The elements of each sample together: [batch, elements of one sample]. UNIMPLEMENTED where the
// samples of a batch of more than one cannot be told apart.
absl::StatusOr<ValueId> PutSamplesFirst(ProgramBuilder& builder, ValueId value,
                                        const std::optional<SampleLayout>& layout, int64_t batch);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SAMPLE_LAYOUT_H_
