#ifndef HALFTONE_NN_GRAPH_RECURRENT_CELL_ACTIVATION_H_
#define HALFTONE_NN_GRAPH_RECURRENT_CELL_ACTIVATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"
#include "nn/graph/recurrent/node_writer.h"

namespace halftone {

// An activation of a recurrent node, as its attribute `activations` names it.
struct CellActivation {
  std::string name = "Tanh";  // in ONNX's spelling
  float alpha = 0, beta = 0;  // where it has them
};

// Those of a node: `defaults` for each of `directions` where it lists none. Numbers of
// `activation_alpha` and `activation_beta` go, in order, to the activations that have one; where
// the lists end, the defaults of the operators of these names stand, and for Affine and ScaledTanh
// an alpha and a scale of 1. INVALID_ARGUMENT for an unknown name or another count of them.
absl::StatusOr<std::vector<CellActivation>> ReadActivations(
    const Node& node, const std::vector<absl::string_view>& defaults, size_t directions);

// The value of an activation of `src`.
std::string Activate(NodeWriter& writer, const CellActivation& activation, const std::string& src,
                     absl::string_view role);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_CELL_ACTIVATION_H_
