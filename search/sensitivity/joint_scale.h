#ifndef HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_
#define HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/sensitivity/methods.h"

namespace halftone {

// What whole assignments say of the losses of layers that are changed together.
struct JointScale {
  // Median of measured over predicted loss: what such layers do beyond what their pairs say.
  double loss = 1;
  // The part of their pairs' losses, from 0 to 1, with which the prediction follows what was
  // measured best: the least spread of the logarithm of measured over predicted loss.
  double pairs = 1;
};

// Really quantizes options.joint_assignments whole assignments, drawn at levels of damage from the
// mildest choices up to where most networks break. The pairs' part is sought only where `result`
// has interactions. Ones for networks of several outputs, whose divergences an evaluation does not
// add up.
absl::StatusOr<JointScale> MeasureJointScale(const ChoiceRequest& request,
                                             const SensitivityResult& result,
                                             const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_
