#ifndef HALFTONE_NN_GRAPH_FUSION_H_
#define HALFTONE_NN_GRAPH_FUSION_H_

#include <string>
#include <vector>

#include "nn/graph/graph.h"

namespace halftone {

// Relu, Clip, HardSwish and the like: one source (constant bounds aside), applied to each element.
bool IsActivation(const Node& node);

// The nodes after node `producer` that can run inside its kernel, in order: activations, Adds of
// constants per channel, and at most one Add of an activation of the same shape that is there
// before the producer runs (a residual sum); an activation after that sum ends the chain. Every
// intermediate value is read by the next node only.
std::vector<std::string> FindFusedNodes(const Graph& graph, const GraphIndex& index, int producer);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_FUSION_H_
