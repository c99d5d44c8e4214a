#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_ROUNDINGS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_ROUNDINGS_H_

#include <map>
#include <string>
#include <vector>

#include "nn/engine/onednn/plan/fusion.h"
#include "nn/engine/onednn/plan/storage.h"
#include "nn/graph/graph.h"
#include "nn/quant/executed_layers.h"
#include "nn/quant/extra_rounding.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/precision.h"

namespace halftone::plan {

// What ops round beside the sources and weights of layers, as the forms of DecideForms say.
std::vector<ExtraRounding> FindRoundings(const std::vector<PlanOp>& ops, const StoredForms& forms);

// The precision whose numbers every layer computes with: see InferencePlan::ran_as.
std::map<std::string, Precision> PrecisionsRun(const std::vector<PlanOp>& ops,
                                               const std::vector<OpPrecision>& precisions,
                                               const QuantizedAssignment& assignment);

// What every layer does in each of the precisions, by itself: with the quantizers that calibration
// makes. Left out is what is executed as asked.
ExecutedLayers DescribeChoices(const Graph& graph, const std::vector<PlanOp>& ops,
                               const std::vector<Precision>& precisions);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_ROUNDINGS_H_
