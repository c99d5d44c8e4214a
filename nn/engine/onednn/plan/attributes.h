#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_ATTRIBUTES_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_ATTRIBUTES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/onednn/plan/builder.h"
#include "nn/engine/onednn/plan/lowering.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone::plan {

// The attributes of a layer's primitive, the arguments that they need, and where the result goes.
struct LayerAttributes {
  dnnl::primitive_attr attr;
  std::vector<Argument> arguments;
  std::string key;  // of scales, zero points and post-ops
  // Set where the result is added to what this buffer holds.
  bool in_place = false;
  Instance residual;
};

// Where the pieces of a layer's tensors are: the mask that numbers its output channels in the
// weights' dimensions (of a product, 0), and the shape of the primitive's dst (binary post-ops
// follow it).
struct LayerGeometry {
  int weights_scale_mask = 0;
  int32_t weights_zero_point = 0;
  int second_buffer = -1;  // of a product: that of its second source
  dnnl::memory::dims dst_dims;
  Arrangement arrangement = Arrangement::kChannelsLast;
};

// Collects what runs inside the kernel of a layer that reads `src`: scales, activation
// functions, the residual sum (in place where its buffer is not read again and fits, else as a
// binary operation), and the rounding to the grid of the stored form.
absl::StatusOr<LayerAttributes> MakeAttributes(PlanBuilder& builder, const LoweringContext& context,
                                               const Instance& src, const LayerGeometry& geometry,
                                               const std::vector<float>& weight_scales);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_ATTRIBUTES_H_
