#ifndef HALFTONE_SEARCH_SENSITIVITY_FLOAT_PREFIX_H_
#define HALFTONE_SEARCH_SENSITIVITY_FLOAT_PREFIX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/float_outputs.h"
#include "search/sensitivity/network_cuts.h"
#include "search/sensitivity/network_program.h"

namespace halftone {

// The float network as far as layers that are changed one after another have it in common: its
// outputs, computed once, and the value of the last cut before the layer (FindCuts), which moves
// along with the layers, so that going through all layers in order runs it once. Not thread-safe.
class FloatPrefix {
 public:
  // Of cuts' values, all samples of which are kept. With less than one takes, layers are computed
  // from the network's inputs.
  static constexpr double kMaxKeptBytes = double{256 << 20};

  // Runs the float network once. Borrows network and data. RESOURCE_EXHAUSTED where the network
  // does not fit the batch.
  static absl::StatusOr<std::unique_ptr<FloatPrefix>> Create(const PreparedNetwork& network,
                                                             const Dataset& data, int64_t batch,
                                                             const std::vector<Head>& heads,
                                                             double kept_bytes,
                                                             const Progress& progress);

  int64_t batch() const { return batch_; }
  const Graph& graph() const { return graph_; }  // bound to the batch
  // False where the outputs are too large to be kept.
  bool KeepsOutputs() const { return !outputs_.Kept(0).empty(); }
  // Of a sample, where they are kept.
  absl::StatusOr<absl::Span<const float>> Output(size_t head, int64_t sample) const {
    return outputs_.At(head, sample);
  }

  // Computes the value of the last cut before that node, if there is one.
  absl::Status MoveTo(const std::string& node, const Progress& progress);
  // The cut that programs are to begin at; null: the network's inputs.
  const NetworkCut* cut() const { return at_.has_value() ? &cuts_[*at_] : nullptr; }
  // Hands a program that begins there a batch of the samples from `begin` on.
  absl::Status SetSource(int64_t begin, BatchRunner& runner) const;

 private:
  FloatPrefix(const Dataset& data, int64_t batch)
      : data_(data), batch_(batch), outputs_(data, batch) {}
  absl::StatusOr<std::vector<float>> Compute(size_t to, const Progress& progress) const;

  const Dataset& data_;
  const int64_t batch_;
  Graph graph_;
  FloatOutputs outputs_;
  std::vector<NetworkCut> cuts_;
  std::optional<size_t> at_;  // the cut whose value is there
  std::vector<float> value_;  // of all batches
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FLOAT_PREFIX_H_
