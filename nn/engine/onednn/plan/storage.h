#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_STORAGE_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_STORAGE_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "nn/engine/onednn/plan/form.h"
#include "nn/engine/onednn/plan/fusion.h"
#include "nn/graph/graph.h"
#include "nn/quant/layer_quantizers.h"

namespace halftone::plan {

// How an op computes, and in which form it wants its sources.
struct OpPrecision {
  Arithmetic arithmetic = Arithmetic::kFloat32;
  Form src;
  Form second;  // of a product
};

// What is kept in float32 although fewer bits would do: see PlanOptions.
struct StorageOptions {
  bool exact_shortcuts = false;
  bool float32_sums = false;
};

// What plans store activations in.
struct StoredForms {
  absl::flat_hash_map<std::string, Form> values;     // by the op's dst that stores it
  absl::flat_hash_map<std::string, Form> shortcuts;  // in which additions take values
};

// Whether a node that is no layer computes in bfloat16 where its readers want that: averages, and
// sums of activations.
bool ComputesInBFloat16(const PlanOp& op);

// For every op of the list.
std::vector<OpPrecision> DecidePrecisions(const std::vector<PlanOp>& ops,
                                          const QuantizedAssignment& assignment);

// Whether the op only moves or selects elements, so that it computes in any form.
bool KeepsForm(const Graph& graph, const Node& node);

// The form in which the producer of each value stores it:
// - the integers of a quantizer, when all layers that read it quantize with that quantizer, and an
//   addition inside a kernel that reads it too takes them;
// - float32 rounded to a grid, when all layers that read it want that and no addition does;
// - bfloat16 when all layers that read it compute in it; averages and sums before them, too, but
//   for `float32_sums`;
// - else float32.
// Consumers that want another form get a conversion. An addition takes its shortcut in the form
// that its reader has it in (FindShortcuts, ShortcutForm), whoever stored it and in whatever form,
// so that what a shortcut is rounded to is the choice of one layer; `exact_shortcuts`: in float32.
StoredForms DecideForms(const Graph& graph, const std::vector<PlanOp>& ops,
                        const std::vector<OpPrecision>& precisions, const StorageOptions& options);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_STORAGE_H_
