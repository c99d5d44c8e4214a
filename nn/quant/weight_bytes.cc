#include "nn/quant/weight_bytes.h"

namespace halftone {

double BiasBytes(const Layer& layer) {
  if (layer.weights.empty() || layer.bias.empty()) return 0;
  return 4 * static_cast<double>(layer.Channels());
}

double PackedWeightBytes(const Layer& layer, const Precision& precision) {
  if (layer.weights.empty()) return 0;
  const auto channels = static_cast<double>(layer.Channels());
  const double scales = precision.weights.IsInteger() ? 4 * channels : 0;
  return static_cast<double>(layer.weights_shape.Elements()) * precision.weights.bits / 8 + scales +
         BiasBytes(layer);
}

}  // namespace halftone
