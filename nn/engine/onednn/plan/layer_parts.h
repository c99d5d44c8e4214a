#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_LAYER_PARTS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_LAYER_PARTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "nn/engine/onednn/plan/attributes.h"
#include "nn/engine/onednn/plan/builder.h"
#include "nn/engine/onednn/plan/layer_weights.h"
#include "nn/engine/onednn/plan/lowering.h"
#include "oneapi/dnnl/dnnl.hpp"

// What the lowerings of convolutions and of matrix products share.
namespace halftone::plan {

DataKind WeightsType(Arithmetic arithmetic);
// The precision that a kernel of that arithmetic is.
Precision Executed(Arithmetic arithmetic);

dnnl::memory::dims DimsOf(const Shape& shape);
// C order, and whatever the primitive prefers.
MemoryDesc RowDesc(const dnnl::memory::dims& dims, DataKind type);
MemoryDesc AnyDesc(const dnnl::memory::dims& dims, DataKind type);

PlanStep LayerInfo(const LoweringContext& context, std::string key);

// The layer's constants; placeholders of the right sizes where the plan only describes.
absl::StatusOr<LayerWeights> WeightsFor(const PlanBuilder& builder, const LoweringContext& context);
Argument WeightsArgument(const PlanBuilder& builder, const LayerWeights& weights,
                         const MemoryDesc& plain, const MemoryDesc& wanted);

// Where the layer writes: over its residual, or to a buffer of its own that lies as `desc` says.
Instance DefineDst(PlanBuilder& builder, const LoweringContext& context,
                   const LayerAttributes& attributes, const MemoryDesc& desc);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_LAYER_PARTS_H_
