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
  std::string addition;  // kResidual: the node that adds it
};

// A node of the graph with the nodes after it that run inside its kernel.
struct PlanOp {
  enum class Kind {
    kNode,         // no layer, or one that no primitive computes: see LowerOtherNode
    kConvolution,  // by constant weights
    kMatMul,       // by a constant matrix
    kProduct,      // of two activations, matrix by matrix
  };
  Kind kind = Kind::kNode;
  const Node* node = nullptr;
  const Layer* layer = nullptr;      // set for quantizable layers
  std::vector<std::string> sources;  // the activations that the node itself reads
  std::string bias;                  // an initializer, of the layer or of an Add after it; "": none
  std::vector<PostOp> post_ops;
  std::string dst;  // the value that is stored in the end
  // kProduct: the order of dst's axes in memory that its reader wants; empty: C order.
  std::vector<int64_t> dst_order;

  // Whether a oneDNN primitive computes the layer.
  bool native() const { return kind != Kind::kNode; }
  // What adds an activation inside the kernel; null if nothing does.
  const PostOp* Addition() const;
  // The activation that is added inside the kernel; "" if none.
  std::string Residual() const;
};

// The oneDNN form of an activation node (Relu, Clip with constant bounds, HardSwish, Gelu, ...) or
// of arithmetic with one constant number; absent (false) for other nodes. alpha and beta mean what
// oneDNN's eltwise documentation says.
bool ActivationOf(const Graph& graph, const Node& node, PostOp* post_op);

// The graph as a list of ops in an order in which they can run. Every layer takes in what follows
// it as long as each intermediate result has one reader: a bias, activation functions, and one
// addition of an activation that is at hand when the layer runs. Whether something is fused does
// not depend on precisions, so that the list is the same for every assignment.
std::vector<PlanOp> FuseGraph(const Graph& graph, const LayerSet& layers);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_FUSION_H_
