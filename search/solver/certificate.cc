#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/solver/recount.h"
#include "search/solver/solver.h"

namespace halftone {
namespace {

// Sums of many numbers, in another order, differ by less.
constexpr double kRounding = 1e-9;

template <typename... Parts>
absl::Status Disagrees(const Parts&... parts) {
  return absl::InternalError(absl::StrCat(parts...));
}

bool Close(double a, double b, double scale) {
  return std::abs(a - b) <= kRounding * std::max({std::abs(a), std::abs(b), scale});
}

// Loss and costs are what the assignment gives; ties and pins are kept.
absl::Status CheckPoint(const Problem& problem, const FrontierPoint& point) {
  absl::StatusOr<FrontierPoint> own = Recount(problem, point.assignment);
  if (!own.ok()) return Disagrees(own.status().message());
  double scale = 0;
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      if (point.assignment.at(layer.name) == choice.name) scale += std::abs(choice.loss);
    }
  }
  if (point.objective.has_value() != own->objective.has_value()) {
    return Disagrees("there is an objective, and no weights, or the other way round");
  }
  if (!Close(point.loss, own->loss, scale)) {
    return Disagrees("loss is ", own->loss, ", not ", point.loss);
  }
  if (!Close(point.Minimized(), own->Minimized(), scale)) {
    return Disagrees("the objective is ", own->Minimized(), ", not ", point.Minimized());
  }
  if (!Close(point.Minimized() - point.Bound(), point.loss - point.lower_bound,
             scale + std::abs(point.Minimized()))) {
    return Disagrees("the bounds of the loss and of the objective do not agree");
  }
  for (const auto& [metric, value] : own->cost) {
    const auto claimed = point.cost.find(metric);
    if (claimed == point.cost.end() || !Close(claimed->second, value, 0)) {
      return Disagrees("cost '", metric, "' is ", value, ", not as claimed");
    }
  }
  for (const auto& [metric, value] : point.cost) {
    if (!own->cost.contains(metric) && value != 0) {
      return Disagrees("nothing costs '", metric, "', of which ", value, " is claimed");
    }
  }
  for (const std::vector<std::string>& tie : problem.ties) {
    for (const std::string& layer : tie) {
      if (point.assignment.at(layer) != point.assignment.at(tie[0])) {
        return Disagrees("tied layers '", tie[0], "' and '", layer, "' differ");
      }
    }
  }
  for (const auto& [layer, choice] : problem.pins) {
    if (point.assignment.at(layer) != choice) {
      return Disagrees("layer '", layer, "' is pinned to '", choice, "'");
    }
  }
  for (const auto& [layer, choices] : problem.allowed) {
    const std::string& chosen = point.assignment.at(layer);
    if (std::find(choices.begin(), choices.end(), chosen) == choices.end()) {
      return Disagrees("layer '", layer, "' is not allowed to take '", chosen, "'");
    }
  }
  if (point.lower_bound > point.loss + kRounding * std::max(std::abs(point.loss), scale)) {
    return Disagrees("the lower bound ", point.lower_bound, " is above the loss ", point.loss);
  }
  return absl::OkStatus();
}

double CostOf(const Costs& costs, const std::string& metric) {
  const auto found = costs.find(metric);
  return found == costs.end() ? 0 : found->second;
}

std::map<std::string, double> LimitsOf(const Problem& problem) {
  std::map<std::string, double> limits = problem.budgets;
  if (problem.max_changes.has_value()) {
    limits[kChangesMetric] = static_cast<double>(*problem.max_changes);
  }
  return limits;
}

absl::Status CheckBudgets(const Problem& problem, const Costs& cost, const std::string& but_for) {
  for (const auto& [metric, limit] : LimitsOf(problem)) {
    const double value = CostOf(cost, metric);
    if (metric != but_for && value > limit && !Close(value, limit, 1e-300)) {
      return Disagrees("budget '", metric, "' of ", limit, " is exceeded: ", value);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFrontier(const Problem& problem, const std::vector<FrontierPoint>& frontier) {
  for (size_t i = 0; i < frontier.size(); ++i) {
    const FrontierPoint& point = frontier[i];
    HT_RETURN_IF_ERROR(CheckPoint(problem, point));
    HT_RETURN_IF_ERROR(CheckBudgets(problem, point.cost, problem.frontier));
    if (i == 0) continue;
    const FrontierPoint& before = frontier[i - 1];
    if (point.Minimized() >= before.Minimized() ||
        point.cost.at(problem.frontier) <= before.cost.at(problem.frontier)) {
      return Disagrees("points ", i - 1, " and ", i, " are not by falling loss and rising cost");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInfeasible(const Problem& problem, const Solution::Infeasible& infeasible) {
  HT_RETURN_IF_ERROR(Annotate(CheckPoint(problem, infeasible.nearest), "nearest"));
  if (CheckBudgets(problem, infeasible.nearest.cost, "").ok()) {
    return Disagrees("the nearest assignment keeps all budgets");
  }
  const std::map<std::string, double> limits = LimitsOf(problem);
  if (infeasible.conflict.empty()) return Disagrees("no budgets are named as conflicting");
  for (const std::string& metric : infeasible.conflict) {
    if (!limits.contains(metric)) return Disagrees("'", metric, "' is no budget");
  }
  for (const auto& [metric, limit] : limits) {
    const auto minimum = infeasible.minimum.find(metric);
    if (minimum == infeasible.minimum.end()) return Disagrees("no minimum of '", metric, "'");
    const auto relaxed = infeasible.relaxations.find(metric);
    if (relaxed != infeasible.relaxations.end() &&
        relaxed->second.limit < std::max(limit, minimum->second) &&
        !Close(relaxed->second.limit, std::max(limit, minimum->second), 0)) {
      return Disagrees("the relaxed limit of '", metric, "' is below it, or below the minimum");
    }
    const double value = CostOf(infeasible.nearest.cost, metric);
    if (value < minimum->second && !Close(value, minimum->second, 0)) {
      return Disagrees("the nearest assignment is below the minimum of '", metric, "'");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSolution(const Problem& problem, const Solution& solution) {
  HT_RETURN_IF_ERROR(CheckProblem(problem));
  HT_RETURN_IF_ERROR(Annotate(CheckFrontier(problem, solution.frontier), "frontier"));
  if (solution.status == Solution::Status::kInfeasible) {
    if (!solution.infeasible.has_value()) return Disagrees("infeasible without a reason");
    return CheckInfeasible(problem, *solution.infeasible);
  }
  const FrontierPoint point = solution.AsPoint();
  HT_RETURN_IF_ERROR(CheckPoint(problem, point));
  HT_RETURN_IF_ERROR(CheckBudgets(problem, solution.cost, ""));
  if (solution.status == Solution::Status::kOptimal && solution.lower_bound != solution.loss) {
    return Disagrees("optimal with a gap");
  }
  for (const FrontierPoint& other : solution.frontier) {
    if (other.Minimized() < point.Bound() && !Close(other.Minimized(), point.Bound(), 0) &&
        CheckBudgets(problem, other.cost, "").ok()) {
      return Disagrees("a point of the frontier is below the lower bound");
    }
  }
  return absl::OkStatus();
}

}  // namespace halftone
