#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_NODE_PARTS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_NODE_PARTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "nn/engine/onednn/plan/builder.h"
#include "nn/engine/onednn/plan/lowering.h"
#include "oneapi/dnnl/dnnl.hpp"

// The lowerings of nodes that are no layers, by family. Each tells whether the node was lowered;
// false: there is no primitive for the case, and nothing was appended.
namespace halftone::plan {

using Lowered = absl::StatusOr<bool>;

// MaxPool, AveragePool; GlobalMaxPool, GlobalAveragePool. Maxima keep the form of their src.
Lowered LowerWindowPooling(PlanBuilder& builder, const LoweringContext& context);
Lowered LowerGlobalPooling(PlanBuilder& builder, const LoweringContext& context);

// Both store their result in the form that is wanted.
Lowered LowerSoftmax(PlanBuilder& builder, const LoweringContext& context);
Lowered LowerLayerNormalization(PlanBuilder& builder, const LoweringContext& context);

dnnl::primitive_attr UserScratchpad();
PlanStep NodeInfo(const Node& node, std::string key);
bool IsActivationValue(const PlanBuilder& builder, const std::string& value);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_NODE_PARTS_H_
