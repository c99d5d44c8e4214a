#ifndef HALFTONE_NN_GRAPH_GRAPH_MEMORY_H_
#define HALFTONE_NN_GRAPH_GRAPH_MEMORY_H_

#include <cstdint>

#include "nn/graph/graph.h"

namespace halftone {

// What networks take in memory, in bytes, by the shapes of a bound graph, everything as f32.

// All initializers.
double WeightBytes(const Graph& graph);
// Values that nodes write and that are alive together, at most, when the nodes run in the graph's
// order and a value dies with its last reader.
double PeakActivationBytes(const Graph& graph);
// What leaves the graph.
double OutputBytes(const Graph& graph);

// Memory that a node takes: its names and attributes, beside the elements of tensors and subgraphs.
int64_t NodeBytes(const Node& node);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_GRAPH_MEMORY_H_
