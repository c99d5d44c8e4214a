#ifndef HALFTONE_SEARCH_ACTIVATION_MEMORY_H_
#define HALFTONE_SEARCH_ACTIVATION_MEMORY_H_

#include <map>
#include <string>
#include <vector>

#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/precision.h"

namespace halftone {

// The activations that are alive together while one node runs, by whose precision stores them.
struct LiveSet {
  std::string node;
  double fixed_bytes = 0;                  // of values that stay f32
  std::map<std::string, double> elements;  // layer -> elements stored in its activation format

  // Bytes under an assignment; a layer left out is f32.
  double Bytes(const std::map<std::string, Precision>& assignment) const;
};

// Bytes of one element in the activation format of `precision`.
double ActivationBytes(const Precision& precision);

// The live sets of a bound graph that are not part of another one: the peak of any assignment is
// the largest of them. Nodes run in the graph's order, those fused into a layer with it; reshapes
// move nothing. A value is stored as the first layer that reads it, directly or through nodes that
// are no layers, takes its src; one that no layer reads stays f32.
std::vector<LiveSet> FindLiveSets(const Graph& graph, const LayerSet& layers);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_ACTIVATION_MEMORY_H_
