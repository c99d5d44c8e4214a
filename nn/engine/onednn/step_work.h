#ifndef HALFTONE_NN_ENGINE_ONEDNN_STEP_WORK_H_
#define HALFTONE_NN_ENGINE_ONEDNN_STEP_WORK_H_

#include "absl/status/status.h"
#include "absl/strings/match.h"

namespace halftone {

// What one step computes, which nobody can stop in its midst.
struct StepWork {
  // Of one done by oneDNN's reference code, in those of its other kernels: each element is looked
  // up by its indices.
  static constexpr double kReferenceCost = 1000;

  double multiply_adds = 0;
  bool by_reference = false;

  double Cost() const { return by_reference ? kReferenceCost * multiply_adds : multiply_adds; }
};

// The work of the primitive of that descriptor.
template <typename Descriptor>
StepWork WorkOf(const Descriptor& descriptor, double multiply_adds) {
  return {multiply_adds, absl::StartsWith(descriptor.impl_info_str(), "ref")};
}

// More than any layer takes in a useful batch: a minute of one core.
inline constexpr double kMaxStepCost = 2e12;
// RESOURCE_EXHAUSTED, without a name, for more than that.
absl::Status CheckStepWork(const StepWork& work);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_STEP_WORK_H_
