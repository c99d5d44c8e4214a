#ifndef HALFTONE_NN_DATA_INPUTS_IDENTITY_H_
#define HALFTONE_NN_DATA_INPUTS_IDENTITY_H_

#include <string>

#include "nn/graph/graph.h"

namespace halftone {

// What `resolved` has of inputs that `graph`, from which it was made, has not; "" where that is
// nothing: all that is computed of such a network is of the file alone.
std::string InputsIdentity(const Graph& graph, const Graph& resolved);

}  // namespace halftone

#endif  // HALFTONE_NN_DATA_INPUTS_IDENTITY_H_
