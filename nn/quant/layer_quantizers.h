#ifndef HALFTONE_NN_QUANT_LAYER_QUANTIZERS_H_
#define HALFTONE_NN_QUANT_LAYER_QUANTIZERS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nn/quant/precision.h"
#include "nn/quant/uniform.h"

namespace halftone {

// What one layer is quantized with. A quantizer is absent where that side stays float.
struct LayerQuantizers {
  Precision precision;
  std::shared_ptr<const UniformQuantizer> src;  // per tensor
  // Per tensor or per output channel. Of a product of two activations: the second source, per
  // tensor, with the bits of activations (Precision::WithoutWeights).
  std::shared_ptr<const UniformQuantizer> weights;
  // One per output channel, or none: what quantization adds to the layer's result in the mean, to
  // be taken off its bias (Nagel et al. 2019, bias correction). Only where it has one
  // (FindLayerBias).
  std::vector<float> shifts;
};

// The precision assignment of a network: layer name -> quantizers; a layer left out is f32.
using QuantizedAssignment = std::map<std::string, LayerQuantizers>;

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_LAYER_QUANTIZERS_H_
