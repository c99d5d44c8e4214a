#ifndef HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_
#define HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/sensitivity/methods.h"

namespace halftone {

// The median ratio of measured to predicted loss over options.joint_assignments whole assignments,
// drawn at levels of damage from the mildest choices up to where most networks break: what layers
// that are changed together do beyond what their pairs say. 1 for networks of several outputs,
// whose divergences an evaluation does not add up.
absl::StatusOr<double> MeasureJointScale(const ChoiceRequest& request,
                                         const SensitivityResult& result, const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_
