#ifndef HALFTONE_NN_GRAPH_TIES_H_
#define HALFTONE_NN_GRAPH_TIES_H_

#include <vector>

#include "nn/graph/graph.h"
#include "nn/graph/layer.h"

namespace halftone {

// The ties that the graph asks for, as layer.h says. Every tie has two layers or more.
std::vector<Tie> FindTies(const Graph& graph, const std::vector<Layer>& layers);

// Names each layer's group: "tie0", "tie1", ... for the classes of the ties' transitive closure, in
// the order of their first layers; a layer that is tied to none is its own group, by its name.
void AssignTieGroups(LayerSet& set);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_TIES_H_
