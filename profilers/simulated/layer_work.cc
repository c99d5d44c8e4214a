#include "profilers/simulated/layer_work.h"

#include <algorithm>

namespace halftone {
namespace {

double ElementsPerSample(const Layer& layer, const Shape& shape) {
  // Both shapes have the batch that the graph is bound to as their first dimension, if any.
  const double samples = layer.dst_shape.rank() > 1
                             ? static_cast<double>(std::max<int64_t>(1, layer.dst_shape.dim(0)))
                             : 1;
  return static_cast<double>(shape.Elements()) / samples;
}

GemmShape GemmOf(const Layer& layer, int batch) {
  GemmShape gemm;
  const double macs = static_cast<double>(layer.macs) * batch;
  const bool is_product = layer.weights.empty() || layer.weights_shape.rank() > 2;
  if (is_product && layer.op != "Conv") {
    const int rank = layer.dst_shape.rank();
    gemm.channels = rank > 0 ? static_cast<double>(layer.dst_shape.dim(rank - 1)) : 1;
    gemm.positions = rank > 1 ? static_cast<double>(layer.dst_shape.dim(rank - 2)) : 1;
    gemm.depth = static_cast<double>(layer.src_shape.dim(layer.src_shape.rank() - 1));
    gemm.groups = std::max(1.0, macs / std::max(1.0, gemm.channels * gemm.positions * gemm.depth));
    return gemm;
  }
  const auto channels = static_cast<double>(layer.Channels());
  gemm.groups = layer.groups;
  gemm.channels = channels / gemm.groups;
  gemm.depth = static_cast<double>(layer.weights_shape.Elements()) / std::max(1.0, channels);
  gemm.positions = macs / std::max(1.0, channels * gemm.depth);
  return gemm;
}

}  // namespace

LayerWork LayerWorkOf(const Layer& layer, int batch) {
  LayerWork work;
  work.is_lookup = layer.IsEmbedding();
  if (!work.is_lookup) work.gemm = GemmOf(layer, batch);
  work.src_elements = ElementsPerSample(layer, layer.src_shape) * batch;
  work.weights_elements = work.gemm.groups * work.gemm.depth * work.gemm.channels;
  work.dst_elements = ElementsPerSample(layer, layer.dst_shape) * batch;
  if (work.is_lookup) work.weights_elements = work.dst_elements;
  work.has_weights = !layer.weights.empty();
  return work;
}

}  // namespace halftone
