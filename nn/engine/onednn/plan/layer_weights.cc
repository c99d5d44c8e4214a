#include "nn/engine/onednn/plan/layer_weights.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/onednn.h"

namespace halftone::plan {
namespace {

absl::StatusOr<Tensor> FindInitializer(const Graph& graph, const std::string& name,
                                       const Layer& layer) {
  const auto it = graph.initializers.find(name);
  if (it == graph.initializers.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer '", layer.name, "': no initializer '", name, "'"));
  }
  return it->second;
}

// The quantizer's integers without their zero points, and one scale per output channel.
absl::Status QuantizeInto(const Tensor& weights, const Layer& layer,
                          const UniformQuantizer& quantizer, float alpha, LayerWeights& result) {
  if (quantizer.axis != -1 && quantizer.axis != layer.channel_axis) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer '", layer.name, "': weights have scales along axis ", quantizer.axis,
                     ", output channels are axis ", layer.channel_axis));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<int32_t> integers, quantizer.Quantize(weights));
  const auto channels = static_cast<size_t>(layer.Channels());
  size_t inner = 1;
  for (int axis = layer.channel_axis + 1; axis < layer.weights_shape.rank(); ++axis) {
    inner *= static_cast<size_t>(layer.weights_shape.dim(axis));
  }
  const bool per_channel = quantizer.scales.size() > 1;
  result.bytes.resize(integers.size());
  for (size_t i = 0; i < integers.size(); ++i) {
    const size_t channel = per_channel ? i / inner % channels : 0;
    result.bytes[i] = static_cast<int8_t>(integers[i] - quantizer.zero_points[channel]);
  }
  result.scales.resize(channels);
  for (size_t channel = 0; channel < channels; ++channel) {
    result.scales[channel] = alpha * quantizer.scales[per_channel ? channel : 0];
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> BiasOf(const Graph& graph, const Layer& layer,
                                          const std::string& name, float beta) {
  const auto channels = static_cast<size_t>(layer.Channels());
  std::vector<float> bias(channels, 0.0f);
  if (name.empty()) return bias;
  HT_ASSIGN_OR_RETURN(const Tensor tensor, FindInitializer(graph, name, layer));
  HT_ASSIGN_OR_RETURN(const std::vector<float> values, tensor.ToFloats());
  if (values.size() != channels && values.size() != 1) {
    return absl::UnimplementedError(absl::StrCat("layer '", layer.name, "': a bias of shape ",
                                                 tensor.shape().ToString(), " for ", channels,
                                                 " output channels"));
  }
  for (size_t i = 0; i < channels; ++i) bias[i] = beta * values[values.size() == 1 ? 0 : i];
  return bias;
}

}  // namespace

absl::StatusOr<LayerWeights> PrepareWeights(const Graph& graph, const Node& node,
                                            const Layer& layer, const std::string& bias,
                                            Arithmetic arithmetic,
                                            const LayerQuantizers* quantizers) {
  HT_ASSIGN_OR_RETURN(Tensor weights, FindInitializer(graph, layer.weights, layer));
  const bool gemm = node.op == "Gemm";
  HT_ASSIGN_OR_RETURN(const float alpha, node.Float("alpha", 1.0f));
  HT_ASSIGN_OR_RETURN(const float beta, node.Float("beta", 1.0f));
  LayerWeights result;
  const bool own_bias = gemm && bias == layer.bias;
  HT_ASSIGN_OR_RETURN(result.bias, BiasOf(graph, layer, bias, own_bias ? beta : 1.0f));
  if (arithmetic == Arithmetic::kInt8 || IsDecompression(arithmetic)) {
    HT_RETURN_IF_ERROR(
        QuantizeInto(weights, layer, *quantizers->weights, gemm ? alpha : 1.0f, result));
    if (arithmetic == Arithmetic::kDecompress4) {
      // oneDNN 3.7 packs 4-bit integers from floats rightly, from bytes not.
      result.floats.assign(result.bytes.begin(), result.bytes.end());
      result.bytes.clear();
    }
    return result;
  }
  if (quantizers != nullptr && quantizers->weights != nullptr) {
    HT_ASSIGN_OR_RETURN(weights, quantizers->weights->FakeQuantize(weights));
  }
  HT_ASSIGN_OR_RETURN(result.floats, weights.ToFloats());
  if (gemm && alpha != 1.0f) {
    for (float& value : result.floats) value *= alpha;
  }
  return result;
}

dnnl::memory ReorderedWeights(const LayerWeights& weights, const MemoryDesc& plain,
                              const MemoryDesc& wanted) {
  dnnl::memory from(plain, CpuEngine());
  if (!weights.bytes.empty()) {
    std::memcpy(from.get_data_handle(), weights.bytes.data(), weights.bytes.size());
  } else {
    std::memcpy(from.get_data_handle(), weights.floats.data(),
                weights.floats.size() * sizeof(float));
  }
  if (plain == wanted) return from;
  dnnl::memory to(wanted, CpuEngine());
  dnnl::stream stream(CpuEngine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

}  // namespace halftone::plan
