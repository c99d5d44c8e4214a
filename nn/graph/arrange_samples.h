#ifndef HALFTONE_NN_GRAPH_ARRANGE_SAMPLES_H_
#define HALFTONE_NN_GRAPH_ARRANGE_SAMPLES_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"

namespace halftone {

struct ArrangedGraph {
  Graph graph;
  // Along which axis the given graph's outputs have their samples: those that were moved first.
  std::map<std::string, int> moved_outputs;
};

// The same network with samples along the first axis of every input and output, as data has them,
// by a Transpose or a Reshape behind an input or in front of an output where they lie elsewhere.
// Names of inputs, outputs, nodes and initializers stay; the values that nodes read and wrote in
// their place are named after them. An input whose whole value belongs to one sample gets a first
// axis of size 1.
//
// An input's Port says where its samples lie. An output's are along the axis that grows with the
// batch, found by binding to two batches, also where the file fixes one; with a fixed batch of one
// the whole output is of one sample.
// What cannot be bound, and an output without such an axis, is left as it is: who runs the network
// says so. INVALID_ARGUMENT names an output along several axes of which samples may lie.
absl::StatusOr<ArrangedGraph> ArrangeSamples(Graph graph);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_ARRANGE_SAMPLES_H_
