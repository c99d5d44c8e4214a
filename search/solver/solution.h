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

struct FrontierPoint {
  double loss = 0;
  double lower_bound = 0;  // equals loss where the point is proven
  Costs cost;
  Assignment assignment;
};

// What VerifySolution has proven of an answer from the problem alone.
struct Verification {
  // Nothing is better; or, of an infeasible problem, no assignment keeps the budgets.
  bool optimal = false;
  double lower_bound = 0;  // of the loss of every assignment within the budgets; not if infeasible
};

struct Solution {
  enum class Status { kOptimal, kFeasible, kInfeasible };
  Status status = Status::kInfeasible;
  double loss = 0;
  double lower_bound = 0;  // no assignment within the budgets has a smaller loss
  double gap = 0;          // (loss - lower_bound) / max(|loss|, tiny)
  Costs cost;
  Assignment assignment;
  double seconds = 0;
  std::vector<FrontierPoint> frontier;  // by falling loss, rising cost

  struct Infeasible {
    Costs minimum;                      // least achievable value of each budgeted metric, alone
    std::vector<std::string> conflict;  // a smallest set of budgets that cannot be met together
    FrontierPoint nearest;              // least total relative excess over the budgets
    // A limit raised just so far that, all others kept, the problem has a solution, and its loss.
    struct Relaxation {
      double limit = 0, loss = 0;
    };
    std::map<std::string, Relaxation> relaxations;  // by metric; left out: it does not help alone
  };
  std::optional<Infeasible> infeasible;
  std::optional<Explanation> explanation;  // where Explain was asked for it
  std::optional<Verification> verified;    // where VerifySolution was asked for it
};

absl::string_view SolutionStatusName(Solution::Status status);
nlohmann::json SolutionToJson(const Solution& solution);
nlohmann::json FrontierPointToJson(const FrontierPoint& point);
// Reads what SolutionToJson wrote. INVALID_ARGUMENT names a field that does not fit.
absl::StatusOr<Solution> SolutionFromJson(const nlohmann::json& json);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_SOLUTION_H_
