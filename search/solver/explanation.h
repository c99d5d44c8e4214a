#ifndef HALFTONE_SEARCH_SOLVER_EXPLANATION_H_
#define HALFTONE_SEARCH_SOLVER_EXPLANATION_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/solver/problem.h"

namespace halftone {

// Why an assignment is as it is: what each budget costs in loss, and what each layer's next choice
// would cost. Where a problem has objective weights, losses are values of the objective. A plain
// value.
struct Explanation {
  struct Limit {
    std::string metric;
    double limit = 0;
    double used = 0;
    double slack = 0;    // limit - used
    bool binds = false;  // without this limit, the others kept, the loss would be smaller
    // Loss saved per unit that the limit is raised by: the Lagrange multiplier of the problem in
    // which layers may mix choices. 0 where that limit is not reached.
    double marginal_value = 0;
    // The least loss without this limit; absent where time did not allow to prove it.
    std::optional<double> loss_without;
    // Absent where it does not bind.
    std::optional<double>
        next_limit;                   // the smallest value known of the limit that allows less loss
    std::optional<double> next_loss;  // the loss found within it
    // No smaller value allows less loss: next_limit, or where time ran out a smaller one, or
    // absent.
    std::optional<double> next_limit_bound;
    std::string at;  // where the metric is largest, of one that is a maximum over places; else ""
  };

  // The best assignment in which a layer, with those tied to it, chooses otherwise.
  struct Alternative {
    std::vector<std::string> layers;  // tied ones change together
    std::string chosen;
    std::string choice;        // the next best; "" where no other one fits, and then no figures
    double loss_increase = 0;  // over the solution's loss
    std::optional<double> loss_stderr;           // of that increase; absent where it is not known
    Costs cost;                                  // of the whole assignment
    std::map<std::string, std::string> changes;  // layer -> choice, of all that change
    bool is_near = false;   // the increase is within near_share of the loss, or within its stderr
    bool is_proven = true;  // false: the best found in the time; the true increase may be smaller
  };

  std::vector<Limit> limits;
  std::vector<Alternative> alternatives;  // by rising loss increase, those without a choice last
  double near_share = 0;
  bool is_complete = true;  // false: time ran out before every limit and layer was looked at
  double seconds = 0;
};

nlohmann::json ExplanationToJson(const Explanation& explanation);
// INVALID_ARGUMENT names a field that does not fit.
absl::StatusOr<Explanation> ExplanationFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_EXPLANATION_H_
