#ifndef HALFTONE_PROFILERS_SIMULATED_LAYER_WORK_H_
#define HALFTONE_PROFILERS_SIMULATED_LAYER_WORK_H_

#include "nn/graph/layer.h"

namespace halftone {

// What a layer multiplies: `groups` independent products of a positions x depth with a
// depth x channels matrix.
struct GemmShape {
  double positions = 0;  // M: output positions, of the whole batch
  double depth = 0;      // K: the sum's length
  double channels = 0;   // N: output channels
  double groups = 1;

  double Macs() const { return groups * positions * depth * channels; }
};

// A layer as accelerators see it: its products, and the elements of what it reads and writes. A
// convolution reads fewer elements than positions x depth, as its windows overlap.
struct LayerWork {
  GemmShape gemm;
  double src_elements = 0;      // of all groups
  double weights_elements = 0;  // weights, or the second source of a product of activations
  double dst_elements = 0;
  bool has_weights = true;  // false: the product of two activations
  bool is_lookup = false;   // rows of a table are copied: no products
};

// A convolution is a product per group with depth = input channels of the group x kernel, channels
// = output channels of the group, positions = output positions x batch; a depthwise one has one
// channel per group, and so leaves nearly all of an array idle. Products of two activations
// (attention) are one product per leading index. Of an embedding, what is read of the table counts.
// The layer's shapes are those of any batch; `batch` is what is counted.
LayerWork LayerWorkOf(const Layer& layer, int batch);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_LAYER_WORK_H_
