#ifndef HALFTONE_NN_ENGINE_ONEDNN_INFERENCE_PLAN_IMPL_H_
#define HALFTONE_NN_ENGINE_ONEDNN_INFERENCE_PLAN_IMPL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/engine/onednn/inference_plan.h"
#include "nn/engine/onednn/plan/builder.h"

namespace halftone {

// What a plan holds; its sessions read it.
struct InferencePlan::Impl {
  plan::CompiledPlan compiled;
  std::vector<PlanStep> steps;
  double weight_bytes = 0;
  int threads = 1;
  std::vector<ExtraRounding> roundings;
  std::map<std::string, Precision> ran_as;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_INFERENCE_PLAN_IMPL_H_
