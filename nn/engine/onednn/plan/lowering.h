#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_LOWERING_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_LOWERING_H_

#include "absl/status/status.h"
#include "nn/engine/onednn/plan/builder.h"
#include "nn/engine/onednn/plan/fusion.h"
#include "nn/engine/onednn/plan/storage.h"
#include "nn/quant/layer_quantizers.h"

namespace halftone::plan {

// What an op is lowered with.
struct LoweringContext {
  const PlanOp* op = nullptr;
  OpPrecision precision;
  Form dst_form;                                // in which the result is stored
  Form shortcut_form;                           // in which the addition inside the kernel reads
  const LayerQuantizers* quantizers = nullptr;  // of a layer; null where it stays f32
};

// Appends a layer's primitive, with its conversions before it. oneDNN's exceptions pass through.
absl::Status LowerConvolution(PlanBuilder& builder, const LoweringContext& context);
// Gemm, and MatMul with constant weights.
absl::Status LowerMatMul(PlanBuilder& builder, const LoweringContext& context);
// MatMul of two activations.
absl::Status LowerProduct(PlanBuilder& builder, const LoweringContext& context);

// Appends the steps of another node: none where it only shows its source under another shape, a
// oneDNN primitive where there is one for the case, else the engine's float32 program of that node.
absl::Status LowerOtherNode(PlanBuilder& builder, const LoweringContext& context);
// The engine's float32 program, for any node; weights are rounded to the grid of `quantizers`,
// which may be null.
absl::Status LowerThroughEngine(PlanBuilder& builder, const PlanOp& op,
                                const LayerQuantizers* quantizers);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_LOWERING_H_
