#ifndef HALFTONE_SEARCH_SENSITIVITY_NETWORK_CUTS_H_
#define HALFTONE_SEARCH_SENSITIVITY_NETWORK_CUTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "search/sensitivity/divergence.h"

namespace halftone {

// A value that all that comes after it depends on the inputs through.
struct NetworkCut {
  std::string value;
  size_t nodes = 0;      // the first node after it, as an index into the graph's
  int64_t elements = 0;  // of a whole batch
};

// Where a bound network can be computed in two parts, the second from the value that the first puts
// out: in the order of the nodes, of values of at most `max_elements`. Only values are cuts at
// which cutting changes no bit of what comes after: what layers read, and sums of tokens.
std::vector<NetworkCut> FindCuts(const Graph& graph, const LayerSet& layers,
                                 const std::vector<Head>& heads, int64_t max_elements);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_NETWORK_CUTS_H_
