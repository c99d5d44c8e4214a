#ifndef HALFTONE_SEARCH_SOLVER_SOLUTION_H_
#define HALFTONE_SEARCH_SOLVER_SOLUTION_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "search/solver/explanation.h"
#include "search/solver/problem.h"

namespace halftone {

using Assignment = std::map<std::string, std::string>;  // layer -> choice

// What is minimized where costs count beside the loss (Problem::objective_weights).
struct WeightedObjective {
  double value = 0;        // the loss plus every weight times the sum of its metric's costs
  double lower_bound = 0;  // no assignment within the budgets has a smaller value
};

// An assignment, and how good it is known to be.
struct FrontierPoint {
  double loss = 0;
  // No assignment within the budgets has a smaller loss; with objective weights, none whose
  // weighted costs are as small. Equals loss where the point is proven.
  double lower_bound = 0;
  Costs cost;
  Assignment assignment;
  std::optional<WeightedObjective> objective;  // absent without objective weights

  // The objective, or without one the loss, and its bound.
  double Minimized() const { return objective.has_value() ? objective->value : loss; }
  double Bound() const { return objective.has_value() ? objective->lower_bound : lower_bound; }
  // No assignment makes what is minimized smaller than `bound`; at most its value counts.
  void SetBound(double bound);
};

// What VerifySolution has proven of an answer from the problem alone.
struct Verification {
  // Nothing is better; or, of an infeasible problem, no assignment keeps the budgets.
  bool optimal = false;
  double lower_bound = 0;  // of what is minimized, for all within the budgets; not if infeasible
};

struct Solution {
  enum class Status { kOptimal, kFeasible, kInfeasible };
  Status status = Status::kInfeasible;
  double loss = 0;
  double lower_bound = 0;  // as FrontierPoint::lower_bound
  double gap = 0;          // (value - its lower bound) / max(|value|, tiny) of what is minimized
  Costs cost;
  Assignment assignment;
  std::optional<WeightedObjective> objective;  // absent without objective weights
  double seconds = 0;
  // By falling loss, or with objective weights by falling objective; by rising cost.
  std::vector<FrontierPoint> frontier;

  struct Infeasible {
    Costs minimum;                      // least achievable value of each budgeted metric, alone
    std::vector<std::string> conflict;  // a smallest set of budgets that cannot be met together
    FrontierPoint nearest;              // least total relative excess over the budgets
    // A limit raised just so far that, all others kept, the problem has a solution, and its loss
    // (with objective weights, its objective).
    struct Relaxation {
      double limit = 0, loss = 0;
    };
    std::map<std::string, Relaxation> relaxations;  // by metric; left out: it does not help alone
  };
  std::optional<Infeasible> infeasible;
  std::optional<Explanation> explanation;  // where Explain was asked for it
  std::optional<Verification> verified;    // where VerifySolution was asked for it

  // The answer itself; not of an infeasible problem.
  FrontierPoint AsPoint() const { return {loss, lower_bound, cost, assignment, objective}; }
  // Takes an answer and its gap from a point.
  void SetPoint(FrontierPoint point);
};

// "OPTIMAL", "FEASIBLE", "INFEASIBLE".
absl::string_view SolutionStatusName(Solution::Status status);
absl::StatusOr<Solution::Status> ParseSolutionStatus(absl::string_view text);
nlohmann::json SolutionToJson(const Solution& solution);
nlohmann::json FrontierPointToJson(const FrontierPoint& point);
// Reads what SolutionToJson wrote. INVALID_ARGUMENT names a field that does not fit.
absl::StatusOr<Solution> SolutionFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_SOLUTION_H_
