#include "server/convert/solution.h"

#include <map>
#include <string>

namespace halftone {
namespace {

// A std::map to a message's map.
template <typename Value, typename Map>
void SetMap(const std::map<std::string, Value>& from, Map* to) {
  for (const auto& [key, value] : from) (*to)[key] = value;
}

v1::WeightedObjective ObjectiveToProto(const WeightedObjective& objective) {
  v1::WeightedObjective out;
  out.set_value(objective.value);
  out.set_lower_bound(objective.lower_bound);
  return out;
}

v1::Infeasibility InfeasibilityToProto(const Solution::Infeasible& infeasible) {
  v1::Infeasibility out;
  SetMap(infeasible.minimum, out.mutable_minimum());
  for (const std::string& metric : infeasible.conflict) out.add_conflict(metric);
  *out.mutable_nearest() = FrontierPointToProto(infeasible.nearest);
  for (const auto& [metric, relaxation] : infeasible.relaxations) {
    v1::Relaxation& message = (*out.mutable_relaxations())[metric];
    message.set_limit(relaxation.limit);
    message.set_loss(relaxation.loss);
  }
  return out;
}

v1::Explanation::Limit LimitToProto(const Explanation::Limit& limit) {
  v1::Explanation::Limit out;
  out.set_metric(limit.metric);
  out.set_limit(limit.limit);
  out.set_used(limit.used);
  out.set_slack(limit.slack);
  out.set_binds(limit.binds);
  out.set_marginal_value(limit.marginal_value);
  if (limit.loss_without.has_value()) out.set_loss_without(*limit.loss_without);
  if (limit.next_limit.has_value()) out.set_next_limit(*limit.next_limit);
  if (limit.next_loss.has_value()) out.set_next_loss(*limit.next_loss);
  if (limit.next_limit_bound.has_value()) out.set_next_limit_bound(*limit.next_limit_bound);
  return out;
}

v1::Explanation::Alternative AlternativeToProto(const Explanation::Alternative& alternative) {
  v1::Explanation::Alternative out;
  for (const std::string& layer : alternative.layers) out.add_layers(layer);
  out.set_chosen(alternative.chosen);
  out.set_choice(alternative.choice);
  if (!alternative.choice.empty()) out.set_loss_increase(alternative.loss_increase);
  if (alternative.loss_stderr.has_value()) out.set_loss_stderr(*alternative.loss_stderr);
  SetMap(alternative.cost, out.mutable_cost());
  SetMap(alternative.changes, out.mutable_changes());
  out.set_is_near(alternative.is_near);
  out.set_is_proven(alternative.is_proven);
  return out;
}

v1::Explanation ExplanationToProto(const Explanation& explanation) {
  v1::Explanation out;
  for (const Explanation::Limit& limit : explanation.limits) {
    *out.add_limits() = LimitToProto(limit);
  }
  for (const Explanation::Alternative& alternative : explanation.alternatives) {
    *out.add_alternatives() = AlternativeToProto(alternative);
  }
  out.set_near_share(explanation.near_share);
  out.set_is_complete(explanation.is_complete);
  out.set_seconds(explanation.seconds);
  return out;
}

}  // namespace

v1::SolutionStatus SolutionStatusToProto(Solution::Status status) {
  switch (status) {
    case Solution::Status::kOptimal:
      return v1::SOLUTION_STATUS_OPTIMAL;
    case Solution::Status::kFeasible:
      return v1::SOLUTION_STATUS_FEASIBLE;
    case Solution::Status::kInfeasible:
      return v1::SOLUTION_STATUS_INFEASIBLE;
  }
  return v1::SOLUTION_STATUS_UNSPECIFIED;
}

v1::FrontierPoint FrontierPointToProto(const FrontierPoint& point) {
  v1::FrontierPoint out;
  out.set_loss(point.loss);
  out.set_lower_bound(point.lower_bound);
  SetMap(point.cost, out.mutable_cost());
  SetMap(point.assignment, out.mutable_assignment());
  if (point.objective.has_value()) *out.mutable_objective() = ObjectiveToProto(*point.objective);
  return out;
}

v1::Solution SolutionToProto(const Solution& solution) {
  v1::Solution out;
  out.set_status(SolutionStatusToProto(solution.status));
  out.set_loss(solution.loss);
  out.set_lower_bound(solution.lower_bound);
  out.set_gap(solution.gap);
  SetMap(solution.cost, out.mutable_cost());
  SetMap(solution.assignment, out.mutable_assignment());
  out.set_solve_seconds(solution.seconds);
  for (const FrontierPoint& point : solution.frontier) {
    *out.add_frontier() = FrontierPointToProto(point);
  }
  if (solution.objective.has_value()) {
    *out.mutable_objective() = ObjectiveToProto(*solution.objective);
  }
  if (solution.infeasible.has_value()) {
    *out.mutable_infeasible() = InfeasibilityToProto(*solution.infeasible);
  }
  if (solution.explanation.has_value()) {
    *out.mutable_explanation() = ExplanationToProto(*solution.explanation);
  }
  return out;
}

}  // namespace halftone
