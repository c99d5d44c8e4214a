#ifndef HALFTONE_NN_QUANT_LAYER_QUANTIZERS_H_
#define HALFTONE_NN_QUANT_LAYER_QUANTIZERS_H_

#include <map>
#include <memory>
#include <string>

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
};

// The precision assignment of a network: layer name -> quantizers; a layer left out is f32.
using QuantizedAssignment = std::map<std::string, LayerQuantizers>;

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_LAYER_QUANTIZERS_H_
