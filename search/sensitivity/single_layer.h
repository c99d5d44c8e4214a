#ifndef HALFTONE_SEARCH_SENSITIVITY_SINGLE_LAYER_H_
#define HALFTONE_SEARCH_SENSITIVITY_SINGLE_LAYER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/engine/executor.h"
#include "nn/engine/program.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/float_prefix.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sample_losses.h"

namespace halftone {

// Really computes one layer at a time in its other ways while the rest of the network stays float.
// What comes before the layer, and the float network's outputs, are computed once for all layers
// that are asked for in their order (FloatPrefix), which changes no bit of a result. One thread at
// a time.
class SingleLayerMeter {
 public:
  // `request` must outlive the meter. INVALID_ARGUMENT for data that does not
  // fit.
  static absl::StatusOr<SingleLayerMeter> Create(const ChoiceRequest& request);

  // What one sample's outputs are without and with choice `index` (of those asked for), one span
  // per head.
  using Visit =
      std::function<void(size_t index, absl::Span<const absl::Span<const float>> reference,
                         absl::Span<const absl::Span<const float>> changed)>;
  // Calls `visit` for every sample, in order, and every choice of `choices` (indices into the
  // layer's list; none of them the float layer). INVALID_ARGUMENT names the layer where an
  // output is not finite.
  absl::Status Run(size_t layer, absl::Span<const size_t> choices, const Visit& visit,
                   const Progress& progress);
  // The divergence of the outputs, for each of `choices`. Sample by sample they go to the columns
  // of `choices` in `samples`, counted from `first_column`, unless it is nullptr.
  absl::StatusOr<std::vector<MeanEstimate>> Measure(size_t layer, absl::Span<const size_t> choices,
                                                    size_t first_column, SampleLosses* samples,
                                                    const Progress& progress);

  std::string output_metric() const { return OutputMetricOf(heads_); }
  const std::vector<Head>& heads() const { return heads_; }

 private:
  explicit SingleLayerMeter(const ChoiceRequest& request) : request_(request) {}
  // A layer's choices, compiled for a batch.
  struct Compiled {
    int64_t batch = 1;
    std::shared_ptr<const Executable> executable;
    bool has_prefix = false;  // it begins at the prefix's cut, and its batch is the prefix's
  };
  absl::StatusOr<Program> Build(size_t layer, absl::Span<const size_t> choices, const Graph& graph,
                                const NetworkCut* cut, bool with_reference) const;
  absl::StatusOr<Compiled> CompileAlone(size_t layer, absl::Span<const size_t> choices) const;
  absl::StatusOr<Compiled> Compile(size_t layer, absl::Span<const size_t> choices,
                                   const Progress& progress);

  const ChoiceRequest& request_;
  std::vector<Head> heads_;
  std::unique_ptr<FloatPrefix> prefix_;  // once the first layer has shown which batch fits
};

// The indices of a layer's choices but the float layer.
std::vector<size_t> ChangedChoices(const std::vector<ChoicePtr>& choices);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SINGLE_LAYER_H_
