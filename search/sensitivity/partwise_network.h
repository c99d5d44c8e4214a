#ifndef HALFTONE_SEARCH_SENSITIVITY_PARTWISE_NETWORK_H_
#define HALFTONE_SEARCH_SENSITIVITY_PARTWISE_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/network_cuts.h"
#include "search/sensitivity/network_program.h"

namespace halftone {

// What a network's parts put out over all data, by the choices before: the most recently used, up
// to a number of bytes. Not thread-safe.
class KeptValues {
 public:
  // The cut, and the choice of each layer before it (null: the float layer); that holds the choices
  // keeps their addresses from being taken by others.
  using Key = std::pair<size_t, std::vector<ChoicePtr>>;
  using Values = std::shared_ptr<const std::vector<float>>;

  explicit KeptValues(int64_t max_bytes) : max_bytes_(max_bytes) {}
  // Null where there is none.
  Values Find(const Key& key);
  // Does nothing for more than fits.
  void Keep(Key key, Values values);
  int64_t bytes() const { return bytes_; }

 private:
  void DropOldest();

  struct Entry {
    Values values;
    int64_t used = 0;
  };
  const int64_t max_bytes_;
  int64_t bytes_ = 0;
  int64_t clock_ = 0;
  std::map<Key, Entry> entries_;
};

// Runs a network over data with its layers computed as chosen, choices after choices. It is
// computed part by part (FindCuts), and what is known from choices that begin alike is not computed
// again: the results are the same bits. Not thread-safe.
class PartwiseNetwork {
 public:
  // Borrows graph, layers and data. `max_bytes` bounds what is kept between runs; with 0 the
  // network is one part. A run holds up to a quarter of it besides.
  PartwiseNetwork(const Graph& graph, const LayerSet& layers, std::vector<Head> heads,
                  const Dataset& data, int64_t batch, int64_t max_bytes);

  // Called for every batch with a runner that holds the heads by the names of their values.
  using Visit =
      std::function<absl::Status(int64_t begin, int64_t valid, const BatchRunner& outputs)>;
  // Errors are those of compiling and of `visit`; CANCELLED within one instruction.
  absl::Status Run(const ChosenLayers& chosen, const Progress& progress, const Visit& visit);

  size_t parts() const { return cuts_.size() + 1; }
  // Parts that were computed over the data since the beginning.
  int64_t computed_parts() const { return computed_parts_; }

 private:
  KeptValues::Key KeyBefore(size_t part, const ChosenLayers& chosen) const;
  absl::StatusOr<std::unique_ptr<BatchRunner>> Compile(size_t part, const ChosenLayers& chosen);
  absl::Status SetSource(size_t part, int64_t begin, const KeptValues::Values& source,
                         BatchRunner& runner) const;
  absl::StatusOr<KeptValues::Values> Compute(size_t part, const ChosenLayers& chosen,
                                             const KeptValues::Values& source,
                                             const Progress& progress);
  absl::Status ComputeLast(const ChosenLayers& chosen, const KeptValues::Values& source,
                           const Progress& progress, const Visit& visit);

  const Graph& graph_;
  const std::vector<Head> heads_;
  const Dataset& data_;
  const int64_t batch_;
  std::vector<NetworkCut> cuts_;
  std::vector<std::vector<std::string>> layers_;  // of each part
  KeptValues kept_;
  int64_t computed_parts_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_PARTWISE_NETWORK_H_
