#ifndef HALFTONE_SEARCH_SENSITIVITY_MOMENT_METER_H_
#define HALFTONE_SEARCH_SENSITIVITY_MOMENT_METER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "nn/quant/source_moments.h"
#include "nn/quant/uniform.h"
#include "search/sensitivity/derivative_pass.h"
#include "search/sensitivity/network_program.h"
#include "search/sensitivity/sample_layout.h"
#include "search/sensitivity/sensitivity.h"
#include "search/sensitivity/source_rows.h"

namespace halftone {

// The moments of what the layers of the float network read (SourceRows), over rows that are drawn
// from every sample in the measure in which the output depends on the layer's result there: by the
// squared derivative of the output along one random cotangent (OutputCotangents), summed over the
// channels. Rows on which nothing depends (tokens after the last attention, say) do not count, and
// all samples count alike. Deterministic. Not thread-safe.
class MomentMeter {
 public:
  using Quantizers = std::map<int, std::shared_ptr<const UniformQuantizer>>;  // by bits

  // Borrows both.
  MomentMeter(const PreparedNetwork& network, const Dataset& data)
      : network_(network), data_(data) {}
  // Measures a layer that is known in rows, and the means of its source as `quantizers` round it.
  void Watch(const Graph& graph, const Layer& layer, Quantizers quantizers);
  // What Run holds with batches of that size at most, in bytes, and what is there after it.
  struct Memory {
    DerivativePass::Memory pass;
    double moments = 0;
  };
  absl::StatusOr<Memory> Estimate(int64_t batch) const;
  // One pass forward and backward, in batches that fit. Errors name what has no derivative.
  absl::Status Run(const Progress& progress);

  // Of what is multiplied by a weight tensor, in all layers that read it; null where none was
  // watched.
  const MomentAccumulator* MomentsOf(const std::string& weights) const;
  // The mean row of a layer's source, as it is (bits 0) or rounded; empty where it was not watched.
  std::vector<double> MeanRow(const std::string& layer, int bits) const;

  // Of each layer at most; of each sample as many as of any, and at least one.
  static constexpr int64_t kRows = 2048;

 private:
  struct Watched {
    const Layer* layer = nullptr;
    SourceRows rows;
    MomentAccumulator* moments = nullptr;  // null where the weights have others
    Quantizers quantizers;
    std::map<int, std::vector<double>> sums;  // of rows, by bits
    int64_t count = 0;
    std::optional<SampleLayout> layout;  // of its dst; none where samples cannot be told apart
  };

  int64_t RowsOfSample() const;
  DerivativePass Pass() const;
  absl::Status FindLayouts(const Cancellation& cancellation);
  absl::Status AddBatch(const BatchRunner& runner, int64_t valid);
  absl::Status AddRows(absl::Span<const float> rows, Watched& watched) const;

  const PreparedNetwork& network_;
  const Dataset& data_;
  int64_t batch_ = 1;
  std::vector<Watched> watched_;
  std::map<std::string, std::unique_ptr<MomentAccumulator>> moments_;  // by weights
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_MOMENT_METER_H_
