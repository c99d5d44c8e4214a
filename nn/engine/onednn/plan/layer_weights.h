#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_LAYER_WEIGHTS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_LAYER_WEIGHTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/onednn/plan/form.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/layer_quantizers.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone::plan {

// A layer's constants as its kernel takes them.
struct LayerWeights {
  std::vector<float> floats;  // for kFloat32 and kBFloat16: the weights, rounded to their grid
  std::vector<int8_t> bytes;  // integers without zero point; those of kDecompress4 are in `floats`
  std::vector<float> scales;  // of these integers: one per output channel
  std::vector<float> bias;    // one per output channel, zeros where the layer has none
};

// `bias` names the initializer that is added, the layer's own or another ("": none); `quantizers`
// may be null: weights as they are. Gemm's alpha and beta are worked in.
absl::StatusOr<LayerWeights> PrepareWeights(const Graph& graph, const Node& node,
                                            const Layer& layer, const std::string& bias,
                                            Arithmetic arithmetic,
                                            const LayerQuantizers* quantizers);

// A plain tensor of `bytes` or `floats`, reordered to what a primitive asks for.
dnnl::memory ReorderedWeights(const LayerWeights& weights, const MemoryDesc& plain,
                              const MemoryDesc& wanted);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_LAYER_WEIGHTS_H_
