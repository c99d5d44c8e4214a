#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_ROUNDINGS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_ROUNDINGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "nn/engine/onednn/plan/form.h"
#include "nn/engine/onednn/plan/fusion.h"
#include "nn/engine/onednn/plan/storage.h"
#include "nn/quant/extra_rounding.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/precision.h"

namespace halftone::plan {

// What ops round beside the sources and weights of layers, as the forms of DecideForms say.
std::vector<ExtraRounding> FindRoundings(const std::vector<PlanOp>& ops,
                                         const absl::flat_hash_map<std::string, Form>& forms);

// The precision whose numbers every layer computes with: see InferencePlan::ran_as.
std::map<std::string, Precision> PrecisionsRun(const std::vector<PlanOp>& ops,
                                               const std::vector<OpPrecision>& precisions,
                                               const QuantizedAssignment& assignment);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_ROUNDINGS_H_
