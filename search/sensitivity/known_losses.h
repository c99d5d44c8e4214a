#ifndef HALFTONE_SEARCH_SENSITIVITY_KNOWN_LOSSES_H_
#define HALFTONE_SEARCH_SENSITIVITY_KNOWN_LOSSES_H_

#include "search/sensitivity/sensitivity.h"

namespace halftone {

// Takes out of a measurement what its method cannot know, which estimators leave at 0:
// - the loss of a choice that leaves the weights as they are, and of layers without weights, where
//   the method speaks of weights alone;
// - standard errors of fewer than two samples (those of Hutchinson's probes stay), and of the top
//   eigenvalue.
// That f32 does nothing is known of every layer by every method.
void ForgetWhatIsNotKnown(SensitivityResult& result);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_KNOWN_LOSSES_H_
