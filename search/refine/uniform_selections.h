#ifndef HALFTONE_SEARCH_REFINE_UNIFORM_SELECTIONS_H_
#define HALFTONE_SEARCH_REFINE_UNIFORM_SELECTIONS_H_

#include <vector>

#include "search/refine/choice_space.h"
#include "search/solver/compact.h"

namespace halftone {

// The selections that give every variable a choice of one name and keep the limits; without those
// of no more bits than another of them, of weights and of activations, which can do no better.
std::vector<Selection> UniformSelections(const ChoiceSpace& space);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_UNIFORM_SELECTIONS_H_
