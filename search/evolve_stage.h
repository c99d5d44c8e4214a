#ifndef HALFTONE_SEARCH_EVOLVE_STAGE_H_
#define HALFTONE_SEARCH_EVOLVE_STAGE_H_

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/refine/assignment_meter.h"
#include "search/refine/refine.h"
#include "search/refine/refinement.h"
#include "search/search_spec.h"
#include "search/solver/solution.h"

namespace halftone {

// The strategy kEvolutionary: one half of the evaluations refines as `request` says, the other
// evolves what that evaluated and points of the solution's frontier, towards less divergence and
// less of the spec's objectives. The answer is the best of all, chosen as Refine chooses: never
// worse than that of the first half, nor does it diverge more than the model's optimum.
absl::StatusOr<Refinement> RefineAndEvolve(const SearchSpec& spec, const RefineRequest& request,
                                           const Solution& solution,
                                           const DivergenceFunction& measure,
                                           const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EVOLVE_STAGE_H_
