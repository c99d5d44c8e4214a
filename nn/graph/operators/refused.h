#ifndef HALFTONE_NN_GRAPH_OPERATORS_REFUSED_H_
#define HALFTONE_NN_GRAPH_OPERATORS_REFUSED_H_

#include <string>

#include "nn/graph/graph.h"

namespace halftone {

// Why a node is refused whose operator FindOperator does not know, and what would help where
// something would: of operators that Halftone leaves out on purpose, more than that they are not
// known.
std::string WhyRefused(const Node& node);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_REFUSED_H_
