#include "search/solver/recount.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

class Recounter {
 public:
  Recounter(const Problem& problem, const Assignment& assignment)
      : problem_(problem), assignment_(assignment) {}

  absl::StatusOr<FrontierPoint> Count() {
    for (const Problem::Layer& layer : problem_.layers) HT_RETURN_IF_ERROR(AddLayer(layer));
    if (assignment_.size() != problem_.layers.size()) {
      return absl::InvalidArgumentError(
          "the assignment names layers that the problem does not have");
    }
    for (const Problem::Edge& edge : problem_.edges) AddEdge(edge);
    for (const Problem::Interaction& both : problem_.interactions) {
      if (Takes(both.a) && Takes(both.b)) point_.loss += both.loss;
    }
    if (problem_.interaction_rows.has_value()) AddRows(*problem_.interaction_rows);
    if (problem_.max_changes.has_value()) AddChanges();
    point_.assignment = assignment_;
    point_.lower_bound = point_.loss;
    if (!problem_.objective_weights.empty()) AddObjective();
    return std::move(point_);
  }

 private:
  bool Takes(const std::pair<std::string, std::string>& place) const {
    return assignment_.at(place.first) == place.second;
  }

  void AddCosts(const Costs& costs) {
    for (const auto& [metric, cost] : costs) point_.cost[metric] += cost;
  }

  absl::Status AddLayer(const Problem::Layer& layer) {
    const auto taken = assignment_.find(layer.name);
    if (taken == assignment_.end()) {
      return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "' is not assigned"));
    }
    for (const Problem::Choice& choice : layer.choices) {
      if (choice.name != taken->second) continue;
      point_.loss += choice.loss;
      AddCosts(choice.cost);
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("layer '", layer.name, "' has no choice '", taken->second, "'"));
  }

  void AddEdge(const Problem::Edge& edge) {
    const std::string &from = assignment_.at(edge.from), &to = assignment_.at(edge.to);
    for (const Problem::EdgeCost& priced : edge.costs) {
      if (priced.from_choice == from && priced.to_choice == to) AddCosts(priced.cost);
    }
  }

  // In each row every two of the chosen columns meet once: each with the sum of those before it.
  void AddRows(const Problem::InteractionRows& given) {
    std::vector<size_t> chosen;
    for (size_t c = 0; c < given.choices.size(); ++c) {
      if (Takes(given.choices[c])) chosen.push_back(c);
    }
    for (const std::vector<double>& row : given.rows) {
      double before = 0, met = 0;
      for (size_t c : chosen) {
        met += before * row[c];
        before += row[c];
      }
      point_.loss += given.weight * met;
    }
  }

  // Neighbours count once, in whatever order they are named and however often.
  void AddChanges() {
    std::set<std::pair<std::string, std::string>> neighbours;
    for (const auto& [a, b] : problem_.neighbours) neighbours.insert(std::minmax(a, b));
    for (const Problem::Edge& edge : problem_.edges) {
      if (problem_.neighbours.empty()) neighbours.insert(std::minmax(edge.from, edge.to));
    }
    const auto changes = std::count_if(neighbours.begin(), neighbours.end(), [&](const auto& pair) {
      return assignment_.at(pair.first) != assignment_.at(pair.second);
    });
    point_.cost[kChangesMetric] += static_cast<double>(changes);
  }

  void AddObjective() {
    double value = point_.loss;
    for (const auto& [metric, weight] : problem_.objective_weights) {
      const auto cost = point_.cost.find(metric);
      if (cost != point_.cost.end()) value += weight * cost->second;
    }
    point_.objective = WeightedObjective{value, value};
  }

  const Problem& problem_;
  const Assignment& assignment_;
  FrontierPoint point_;
};

}  // namespace

absl::StatusOr<FrontierPoint> Recount(const Problem& problem, const Assignment& assignment) {
  return Recounter(problem, assignment).Count();
}

}  // namespace halftone
