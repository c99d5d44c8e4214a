#ifndef HALFTONE_SEARCH_SENSITIVITY_LAYER_PAIRS_H_
#define HALFTONE_SEARCH_SENSITIVITY_LAYER_PAIRS_H_

#include <cstddef>
#include <set>
#include <utility>

#include "nn/graph/graph.h"
#include "nn/graph/layer.h"

namespace halftone {

// An unordered set of pairs of layers, by their indices; every layer makes a pair with itself.
class LayerPairs {
 public:
  void Add(size_t a, size_t b) {
    if (a != b) pairs_.insert(std::minmax(a, b));
  }
  bool Contains(size_t a, size_t b) const { return a == b || pairs_.contains(std::minmax(a, b)); }
  size_t size() const { return pairs_.size(); }  // of two different layers
  // Those of two different layers, the smaller index first.
  const std::set<std::pair<size_t, size_t>>& pairs() const { return pairs_; }

 private:
  std::set<std::pair<size_t, size_t>> pairs_;
};

// Layers that are neighbours: one feeds the other through nodes that are no layers, or both feed
// one elementwise sum. Tracing back passes at most one sum, so that a residual stream does not make
// neighbours of all that write to it.
LayerPairs NeighbourPairs(const Graph& graph, const LayerSet& layers);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_LAYER_PAIRS_H_
