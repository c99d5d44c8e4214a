#include "nn/engine/onednn/step_work.h"

#include "absl/strings/str_format.h"

namespace halftone {

absl::Status CheckStepWork(const StepWork& work) {
  if (work.Cost() <= kMaxStepCost) return absl::OkStatus();
  const double most = work.by_reference ? kMaxStepCost / StepWork::kReferenceCost : kMaxStepCost;
  return absl::ResourceExhaustedError(absl::StrFormat(
      "takes %.2g multiply-adds%s, which could not be stopped: the limit is %.2g",
      work.multiply_adds, work.by_reference ? " that oneDNN has no fast code for" : "", most));
}

}  // namespace halftone
