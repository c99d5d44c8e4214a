#ifndef HALFTONE_TESTS_NN_ENGINE_RANDOM_GRAPH_H_
#define HALFTONE_TESTS_NN_ENGINE_RANDOM_GRAPH_H_

#include <cstdint>
#include <vector>

#include "nn/graph/graph.h"

namespace halftone {

// A small random network with the symbolic batch "x" [N, 3, 12, 12] and one output of 5 numbers a
// sample: convolutions of all kinds, batch normalization, activations (some written out), pooling,
// shortcuts, concatenations, gates, and shapes that are computed from shapes. The same for the same
// seed.
Graph MakeRandomGraph(uint64_t seed);

// Normally distributed samples for it.
std::vector<float> RandomSamples(int64_t batch, uint64_t seed);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_RANDOM_GRAPH_H_
