#ifndef HALFTONE_SEARCH_DOMINATED_H_
#define HALFTONE_SEARCH_DOMINATED_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "profilers/cost_table.h"
#include "search/network_summary.h"
#include "search/search_spec.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// The choices that no answer of this search needs, as its costs are: another one that is offered
// has no fewer bits of weights and none of activations, and costs no more in any metric of the
// budgets, the frontier and the objectives, conversions before and after the layer included, in
// every layer that is tied to it. None where rules or pins say more of layers than budgets do:
// then a choice may be needed for what it is.
DominatedChoices FindDominated(const SearchSpec& spec, const NetworkSummary& network,
                               const CostTable& costs, const std::vector<Precision>& offered);

// The same of what the stages import and profile stored. None for methods that really measure
// nothing. Errors where an output cannot be read.
absl::StatusOr<DominatedChoices> FindDominatedOf(const SearchSpec& spec,
                                                 absl::string_view import_output,
                                                 absl::string_view profile_output,
                                                 const std::vector<Precision>& offered);

// One line for each, in order: what a stored table of losses depends on. "" for none.
std::string DominatedText(const DominatedChoices& dominated);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_DOMINATED_H_
