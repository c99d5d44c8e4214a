#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_SHORTCUTS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_SHORTCUTS_H_

#include <optional>
#include <string>
#include <vector>

#include "nn/engine/onednn/plan/form.h"
#include "nn/engine/onednn/plan/fusion.h"
#include "nn/graph/graph.h"
#include "nn/quant/precision.h"

namespace halftone::plan {

// An activation that a layer's kernel adds to its result.
struct Shortcut {
  std::string value;
  size_t adder = 0;  // the op whose kernel adds it
  // The op that decides what it is rounded to: the first that reads the value otherwise, if that is
  // a layer with constant weights, perhaps behind ops that keep the form of what they read.
  std::optional<size_t> reader;
};

// In the order of the adders.
std::vector<Shortcut> FindShortcuts(const Graph& graph, const std::vector<PlanOp>& ops);

// The form in which an addition takes a shortcut whose reader reads `src`: the same where it has at
// least 8 bits and is smaller than float32, so that the value need not be kept twice; else float32.
Form ShortcutForm(const Form& src);

// What a shortcut is rounded to whose reader computes so: an 8-bit integer format or bfloat16;
// float32 for none. The same as ShortcutForm says, with the quantizers that calibration makes.
NumberFormat ShortcutFormat(Arithmetic reader, const Precision& precision);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_SHORTCUTS_H_
