#ifndef HALFTONE_SEARCH_WHAT_IF_H_
#define HALFTONE_SEARCH_WHAT_IF_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "nlohmann/json_fwd.hpp"
#include "search/artifact_store.h"
#include "search/refine/refinement.h"
#include "search/resolved_budget.h"
#include "search/search_spec.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/solution.h"
#include "search/table_names.h"

namespace halftone {

// What is asked of a search's stored tables beside other budgets, pins and rules.
struct WhatIf {
  // What costs count beside the loss, per base unit of the metric: Problem::objective_weights.
  std::map<Metric, double> weights;
  // So many times the losses that pairs of layers add count as well; 0: not at all.
  double interactions = 0;
  bool frontier = true;
  // Whose corrections the losses get: of the search's evaluations.
  std::optional<Refinement> refined;
};

// Weights by metric in its base unit ("energy"), or in a unit that is named ("latency_ms",
// "size_KB"). INVALID_ARGUMENT names a metric or a unit that does not exist, a metric that is given
// twice or is no sum over layers, a weight that is negative or not finite.
absl::StatusOr<std::map<Metric, double>> ParseWeights(const std::map<std::string, double>& weights);

// An answer, and what its figures are. A plain value.
struct WhatIfAnswer {
  Solution solution;
  LossMeasure measure;
  Precision reference;                  // of "0.4x" budgets
  std::vector<ResolvedBudget> budgets;  // of the spec, in its order
  std::vector<std::string> layers;      // in the network's order
  std::vector<std::string> warnings;    // of the costs that the answer takes
  std::string caveat;                   // BusyCaveat
};
// The solution's document with `status_of` (what is proven is proven of the model), `measure`,
// `reference`, `budgets`, `layer_order`, `warnings`, and `caveat` where there is one.
nlohmann::json WhatIfAnswerToJson(const WhatIfAnswer& answer);

// The problem of the stored tables of an earlier search of the same model, data and target, with
// the budgets, pins, rules and frontier of `spec`, solved. `names`: those of its result; without,
// a search of this version and of what the target offers now must have left them. Nothing is
// measured again: takes milliseconds, with interactions up to the time limit of `spec`. Where
// `names` has the base of a design space, relative budgets refer to that, as the search's did.
// FAILED_PRECONDITION names a table that is not stored, among them the losses of pairs, which not
// all estimators know and a search of very many choices does not keep; or says that these are no
// positive semi-definite form.
absl::StatusOr<WhatIfAnswer> ReSolve(const SearchSpec& spec, const std::optional<TableNames>& names,
                                     ArtifactStore& store, const Cancellation& cancellation,
                                     const WhatIf& what_if = {});

}  // namespace halftone

#endif  // HALFTONE_SEARCH_WHAT_IF_H_
