#ifndef HALFTONE_SEARCH_SENSITIVITY_ALIKE_CHOICES_H_
#define HALFTONE_SEARCH_SENSITIVITY_ALIKE_CHOICES_H_

#include <cstddef>
#include <vector>

#include "nn/graph/layer.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// The choices of each layer that compute something else, each once: precisions that the target
// executes alike, or that differ in the bits of weights where a layer has none, are measured once.
struct DistinctChoices {
  LayerChoices choices;
  // Of each layer's choices as they were asked for, in their order: which of these it is.
  std::vector<std::vector<size_t>> places;
};
// `layers`: of the rows of `choices`.
DistinctChoices FindDistinct(const std::vector<Layer>& layers, const LayerChoices& choices);

// What was measured of distinct choices as that of all: every choice has the losses, interactions
// and resamples of the one that computes as it does.
SensitivityResult OfAllChoices(const DistinctChoices& distinct, const LayerChoices& choices,
                               SensitivityResult measured);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_ALIKE_CHOICES_H_
