#ifndef HALFTONE_TESTS_NN_ENGINE_PLAN_NETWORK_H_
#define HALFTONE_TESTS_NN_ENGINE_PLAN_NETWORK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/uniform.h"

namespace halftone {

// A network with one batch of data, to run through inference plans and through the engine's
// fake-quantized float32 program.
struct PlanNetwork {
  Graph graph;  // bound, batch normalization folded; one input, one output
  LayerSet layers;
  std::vector<float> input;
  std::map<std::string, Range> src_ranges;  // of every value that a layer reads, over that batch

  // From a graph bound or not; finds layers and ranges.
  static absl::StatusOr<PlanNetwork> Create(const Graph& graph, int64_t batch,
                                            std::vector<float> input);

  // Quantizers by min-max: activations per tensor with the given symmetry, weights per output
  // channel.
  absl::StatusOr<QuantizedAssignment> Quantize(
      const std::map<std::string, Precision>& precisions,
      Symmetry src_symmetry = Symmetry::kAsymmetric,
      Symmetry weights_symmetry = Symmetry::kSymmetricRestricted) const;
  absl::StatusOr<QuantizedAssignment> QuantizeAll(const Precision& precision) const;

  absl::StatusOr<std::vector<float>> RunPlan(const QuantizedAssignment& assignment,
                                             const PlanOptions& options = {}) const;
  // src and weights of every assigned layer rounded to their quantizers, and the shortcuts that
  // `executed` says, all else in float32.
  absl::StatusOr<std::vector<float>> RunFakeQuantized(const QuantizedAssignment& assignment,
                                                      const ExecutedLayers& executed = {}) const;
};

// Network `file` of tests/data/tiny-digits on its first `batch` samples.
absl::StatusOr<PlanNetwork> LoadTinyDigits(const std::string& file, int64_t batch);

// A network with random weights that has what the trained ones lack: dilation, asymmetric padding,
// groups, shortcuts read by several layers, pooling of integers, Concat, all activation functions.
absl::StatusOr<PlanNetwork> MakeRandomNetwork(int64_t batch, uint64_t seed);

// Two transformer blocks with random weights on patches of an image: attention with one projection
// that is split, and with three; layer normalization as a node and written out; both GELUs.
absl::StatusOr<PlanNetwork> MakeRandomTransformer(int64_t batch, uint64_t seed);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_PLAN_NETWORK_H_
