#ifndef HALFTONE_NN_GRAPH_STORED_BYTES_H_
#define HALFTONE_NN_GRAPH_STORED_BYTES_H_

#include <cstdint>
#include <set>
#include <string>

#include "nn/graph/graph.h"
#include "nn/graph/layer.h"

namespace halftone {

// The float tensors that a network stores whatever the precisions of its layers.
struct OtherTensors {
  // Of those that are no weights or biases of layers, or are read by others too: 4 an element, each
  // tensor once. Embeddings that are looked up, scales of normalizations, constants.
  int64_t bytes = 0;
  // Layers whose weights are among them: they take no more room while they stay float32.
  std::set<std::string> layers;
};
// `prepared` is what passes make of the bound `file`, `layers` its layers. Of a constant that was
// computed while it was bound, the tensors of the file count of which it is made; what is folded
// into layers is theirs.
OtherTensors FindOtherTensors(const Graph& file, const Graph& prepared, const LayerSet& layers);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_STORED_BYTES_H_
