#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_FUSION_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_FUSION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone::plan {

// Something that a layer's kernel does to its result before storing it.
struct PostOp {
  enum class Kind {
    kEltwise,   // an activation function
    kResidual,  // adds the activation `residual`, of the result's own shape
  };
  Kind kind = Kind::kEltwise;
  dnnl::algorithm algorithm = dnnl::algorithm::eltwise_relu;
  float alpha = 0, beta = 0;
  std::string residual;
};

// A node of the graph with the nodes after it that run inside its kernel.
struct PlanOp {
  const Node* node = nullptr;
  const Layer* layer = nullptr;  // set for quantizable layers
  // Whether a oneDNN primitive computes the layer; the engine's program of the node otherwise
  // (two activations multiplied, a transposed src).
  bool native = false;
  std::vector<std::string> sources;  // the activations that the node itself reads
  std::vector<PostOp> post_ops;
  std::string dst;  // the value that is stored in the end

  // The activation that is added inside the kernel; "" if none.
  std::string Residual() const;
};

// The oneDNN form of an activation node (Relu, Clip with constant bounds, HardSwish, ...); absent
// (false) for other nodes. alpha and beta mean what oneDNN's eltwise documentation says.
bool ActivationOf(const Graph& graph, const Node& node, PostOp* post_op);

// The graph as a list of ops in an order in which they can run. Every layer takes in what follows
// it as long as each intermediate result has one reader: activation functions, and one addition
// of an activation that is at hand when the layer runs. Whether something is fused does not depend
// on precisions, so that the list is the same for every assignment.
std::vector<PlanOp> FuseGraph(const Graph& graph, const LayerSet& layers);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_FUSION_H_
