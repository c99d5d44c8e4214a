#ifndef HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_
#define HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_

#include <vector>

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

// A whole assignment: its predicted loss without the pairs, what the pairs add, and the truth.
struct JointSample {
  double singles = 0;
  double pairs = 0;
  double measured = 0;
};
// The scale that these say. A part of the pairs' losses with which some assignment would do nothing
// or less, as it may where not all pairs are known, is none; nor is any sought from one assignment.
JointScale FitJointScale(const std::vector<JointSample>& samples, bool has_pairs);

// Really quantizes options.joint_assignments whole assignments, drawn at levels of damage from the
// mildest choices up to where most networks break. The pairs' part is sought only where `result`
// has interactions. Ones for networks of several outputs, whose divergences an evaluation does not
// add up.
absl::StatusOr<JointScale> MeasureJointScale(const ChoiceRequest& request,
                                             const SensitivityResult& result,
                                             const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_JOINT_SCALE_H_
