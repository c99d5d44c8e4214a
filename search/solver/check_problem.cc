#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "search/solver/problem.h"

namespace halftone {
namespace {

// Larger numbers are no losses or costs, and their sums might overflow.
constexpr double kMaxMagnitude = 1e100;
// Of entries of interaction rows, whose products add up to losses.
constexpr double kMaxRowMagnitude = 1e50;

bool IsSound(double value) { return std::abs(value) <= kMaxMagnitude; }

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

class Checker {
 public:
  explicit Checker(const Problem& problem) : problem_(problem) {}

  absl::Status Check() {
    HT_RETURN_IF_ERROR(CheckLayers());
    HT_RETURN_IF_ERROR(CheckPins());
    HT_RETURN_IF_ERROR(CheckTies());
    HT_RETURN_IF_ERROR(CheckAllowed());
    HT_RETURN_IF_ERROR(CheckEdges());
    HT_RETURN_IF_ERROR(CheckInteractions());
    HT_RETURN_IF_ERROR(CheckInteractionRows());
    HT_RETURN_IF_ERROR(CheckChanges());
    HT_RETURN_IF_ERROR(CheckMetrics());
    HT_RETURN_IF_ERROR(CheckWeights());
    return CheckDecisiveCosts();
  }

 private:
  absl::Status CheckCosts(const Costs& costs, const std::string& owner) {
    for (const auto& [metric, value] : costs) {
      if (!IsSound(value))
        return Invalid(owner, ": cost '", metric, "' is not finite, or above 1e100");
      if (metrics_.empty() || !metrics_.contains(metric)) {
        if (metric.size() > kMaxNameLength) return Invalid(owner, ": a metric's name is too long");
        metrics_.insert(metric);
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckName(const std::string& name, absl::string_view kind) {
    if (name.empty()) return Invalid(kind, " has an empty name");
    if (name.size() > kMaxNameLength) {
      return Invalid(kind, " ", Quoted(name), ": the name is longer than ", kMaxNameLength);
    }
    return absl::OkStatus();
  }

  absl::Status CheckLayer(const Problem::Layer& layer) {
    const std::string owner = absl::StrCat("layer ", Quoted(layer.name));
    if (layer.choices.empty()) return Invalid(owner, " has no choices");
    if (layer.choices.size() > kMaxChoicesPerLayer) {
      return Invalid(owner, " has more than ", kMaxChoicesPerLayer, " choices");
    }
    absl::flat_hash_set<absl::string_view> names;
    for (const Problem::Choice& choice : layer.choices) {
      HT_RETURN_IF_ERROR(Annotate(CheckName(choice.name, "a choice"), owner));
      if (!names.insert(choice.name).second) {
        return Invalid(owner, " has choice ", Quoted(choice.name), " twice");
      }
      if (!IsSound(choice.loss)) {
        return Invalid(owner, ", choice ", Quoted(choice.name),
                       ": loss is not finite, or above 1e100");
      }
      const double error = choice.loss_stderr.value_or(0);
      if (!(error >= 0 && error <= kMaxMagnitude)) {
        return Invalid(owner, ", choice ", Quoted(choice.name),
                       ": loss_stderr is negative, not finite, or above 1e100");
      }
      for (const auto& [metric, value] : choice.cost) {
        if (IsSound(value) && metrics_.contains(metric)) continue;
        HT_RETURN_IF_ERROR(
            CheckCosts(choice.cost, absl::StrCat(owner, ", choice ", Quoted(choice.name))));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckLayers() {
    if (problem_.layers.empty()) return Invalid("the problem has no layers");
    if (problem_.layers.size() > kMaxLayers) {
      return Invalid("the problem has more than ", kMaxLayers, " layers");
    }
    size_t choices = 0;
    for (const Problem::Layer& layer : problem_.layers) {
      HT_RETURN_IF_ERROR(CheckName(layer.name, "a layer"));
      if (!layers_.emplace(layer.name, &layer).second) {
        return Invalid("layer ", Quoted(layer.name), " is there twice");
      }
      HT_RETURN_IF_ERROR(CheckLayer(layer));
      choices += layer.choices.size();
    }
    if (choices > kMaxChoices)
      return Invalid("the problem has more than ", kMaxChoices, " choices");
    return absl::OkStatus();
  }

  absl::StatusOr<const Problem::Layer*> Find(const std::string& name, const std::string& owner) {
    const auto found = layers_.find(name);
    if (found == layers_.end()) return Invalid(owner, " names unknown layer ", Quoted(name));
    return found->second;
  }

  static absl::StatusOr<const Problem::Choice*> FindChoice(const Problem::Layer& layer,
                                                           const std::string& choice,
                                                           const std::string& owner) {
    for (const Problem::Choice& candidate : layer.choices) {
      if (candidate.name == choice) return &candidate;
    }
    return Invalid(owner, ": layer ", Quoted(layer.name), " has no choice ", Quoted(choice));
  }

  static absl::Status CheckChoice(const Problem::Layer& layer, const std::string& choice,
                                  const std::string& owner) {
    return FindChoice(layer, choice, owner).status();
  }

  // Of a layer and its choice by their names.
  absl::StatusOr<const Problem::Choice*> FindChoice(
      const std::pair<std::string, std::string>& place, const std::string& owner) {
    HT_ASSIGN_OR_RETURN(const Problem::Layer* layer, Find(place.first, owner));
    return FindChoice(*layer, place.second, owner);
  }

  absl::Status CheckPins() {
    for (const auto& [name, choice] : problem_.pins) {
      HT_ASSIGN_OR_RETURN(const Problem::Layer* layer, Find(name, "a pin"));
      HT_RETURN_IF_ERROR(CheckChoice(*layer, choice, "a pin"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckTie(const std::vector<std::string>& tie, const std::string& owner) {
    if (tie.empty()) return Invalid(owner, " is empty");
    HT_ASSIGN_OR_RETURN(const Problem::Layer* first, Find(tie[0], owner));
    absl::flat_hash_set<absl::string_view> choices;
    for (const Problem::Choice& choice : first->choices) choices.insert(choice.name);
    absl::flat_hash_set<absl::string_view> members;
    for (const std::string& name : tie) {
      if (!members.insert(name).second) return Invalid(owner, " names ", Quoted(name), " twice");
      HT_ASSIGN_OR_RETURN(const Problem::Layer* layer, Find(name, owner));
      bool same = layer->choices.size() == choices.size();
      for (const Problem::Choice& choice : layer->choices) same &= choices.contains(choice.name);
      if (!same) {
        return Invalid(owner, ": tied layers ", Quoted(tie[0]), " and ", Quoted(name),
                       " have different choices");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckTies() {
    for (size_t i = 0; i < problem_.ties.size(); ++i) {
      const std::vector<std::string>& tie = problem_.ties[i];
      HT_RETURN_IF_ERROR(CheckTie(tie, absl::StrCat("tie ", i)));
      for (const std::string& name : tie) {
        const std::string a = RootOf(tie[0]), b = RootOf(name);
        if (a != b) tied_to_[b] = a;
      }
    }
    return CheckPinsOfTies();
  }

  // The same layer for all that are tied, also through others.
  std::string RootOf(std::string name) const {
    for (auto up = tied_to_.find(name); up != tied_to_.end(); up = tied_to_.find(name)) {
      name = up->second;
    }
    return name;
  }

  absl::Status CheckPinsOfTies() {
    absl::flat_hash_map<std::string, const std::pair<const std::string, std::string>*> pinned;
    for (const auto& pin : problem_.pins) {
      const auto [found, is_new] = pinned.emplace(RootOf(pin.first), &pin);
      if (!is_new && found->second->second != pin.second) {
        return Invalid("tied layers ", Quoted(found->second->first), " and ", Quoted(pin.first),
                       " are pinned to different choices");
      }
    }
    return absl::OkStatus();
  }

  // Layers that are tied must have a choice that is allowed to all of them.
  absl::Status CheckAllowed() {
    absl::flat_hash_map<std::string, absl::flat_hash_set<std::string>> left;  // by root
    for (const auto& [name, choices] : problem_.allowed) {
      const std::string owner = "an allowed set";
      HT_ASSIGN_OR_RETURN(const Problem::Layer* layer, Find(name, owner));
      for (const std::string& choice : choices) {
        HT_RETURN_IF_ERROR(CheckChoice(*layer, choice, owner));
      }
      HT_RETURN_IF_ERROR(Intersect(name, choices, left[RootOf(name)]));
    }
    for (const auto& [name, choice] : problem_.pins) {
      const auto found = left.find(RootOf(name));
      if (found == left.end()) continue;
      HT_RETURN_IF_ERROR(Intersect(name, {choice}, found->second));
    }
    return absl::OkStatus();
  }

  // `left` is empty before the first rule.
  static absl::Status Intersect(const std::string& layer, const std::vector<std::string>& choices,
                                absl::flat_hash_set<std::string>& left) {
    absl::flat_hash_set<std::string> both;
    for (const std::string& choice : choices) {
      if (left.empty() || left.contains(choice)) both.insert(choice);
    }
    left = std::move(both);
    if (!left.empty()) return absl::OkStatus();
    return Invalid("layer ", Quoted(layer),
                   " has no choice that pins, ties and allowed sets leave to it");
  }

  absl::Status CheckChanges() {
    for (const auto& [a, b] : problem_.neighbours) {
      HT_ASSIGN_OR_RETURN(const Problem::Layer* first, Find(a, "neighbours"));
      HT_ASSIGN_OR_RETURN(const Problem::Layer* second, Find(b, "neighbours"));
      if (first == second) return Invalid("layer ", Quoted(a), " is its own neighbour");
      HT_RETURN_IF_ERROR(CountPairs(first->choices.size() * second->choices.size()));
    }
    if (!problem_.max_changes.has_value()) return absl::OkStatus();
    if (problem_.neighbours.empty()) {
      for (const Problem::Edge& edge : problem_.edges) {
        HT_RETURN_IF_ERROR(CountPairs(layers_.at(edge.from)->choices.size() *
                                      layers_.at(edge.to)->choices.size()));
      }
    }
    if (metrics_.contains(kChangesMetric)) {
      return Invalid("metric ", kChangesMetric,
                     " is what max_changes limits, and cannot be a cost");
    }
    metrics_.insert(kChangesMetric);
    return absl::OkStatus();
  }

  absl::Status CountPairs(size_t more) {
    pairs_ += more;
    if (pairs_ <= kMaxPairCosts) return absl::OkStatus();
    return Invalid("edges, interactions and neighbours have more than ", kMaxPairCosts, " entries");
  }

  absl::Status CheckEdges() {
    for (size_t i = 0; i < problem_.edges.size(); ++i) {
      const Problem::Edge& edge = problem_.edges[i];
      const std::string owner = absl::StrCat("edge ", i);
      HT_ASSIGN_OR_RETURN(const Problem::Layer* from, Find(edge.from, owner));
      HT_ASSIGN_OR_RETURN(const Problem::Layer* to, Find(edge.to, owner));
      if (from == to) return Invalid(owner, " leads from ", Quoted(edge.from), " to itself");
      HT_RETURN_IF_ERROR(CountPairs(edge.costs.size()));
      absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> seen;
      for (const Problem::EdgeCost& cost : edge.costs) {
        HT_RETURN_IF_ERROR(CheckChoice(*from, cost.from_choice, owner));
        HT_RETURN_IF_ERROR(CheckChoice(*to, cost.to_choice, owner));
        if (!seen.emplace(cost.from_choice, cost.to_choice).second) {
          return Invalid(owner, " has the cost of ", Quoted(cost.from_choice), " to ",
                         Quoted(cost.to_choice), " twice");
        }
        HT_RETURN_IF_ERROR(CheckCosts(cost.cost, owner));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckInteractions() {
    HT_RETURN_IF_ERROR(CountPairs(problem_.interactions.size()));
    absl::flat_hash_set<std::pair<const Problem::Choice*, const Problem::Choice*>> seen;
    for (size_t i = 0; i < problem_.interactions.size(); ++i) {
      const Problem::Interaction& interaction = problem_.interactions[i];
      const std::string owner = absl::StrCat("interaction ", i);
      HT_ASSIGN_OR_RETURN(const Problem::Choice* a, FindChoice(interaction.a, owner));
      HT_ASSIGN_OR_RETURN(const Problem::Choice* b, FindChoice(interaction.b, owner));
      if (interaction.a.first == interaction.b.first) {
        return Invalid(owner, " is of layer ", Quoted(interaction.a.first), " with itself");
      }
      if (!IsSound(interaction.loss)) return Invalid(owner, ": loss is not finite, or above 1e100");
      if (!seen.emplace(std::min(a, b), std::max(a, b)).second) {
        return Invalid(owner, " has the loss of ", Quoted(interaction.a.second), " of layer ",
                       Quoted(interaction.a.first), " with ", Quoted(interaction.b.second),
                       " of layer ", Quoted(interaction.b.first), " twice");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckInteractionRows() {
    if (!problem_.interaction_rows.has_value()) return absl::OkStatus();
    const Problem::InteractionRows& factor = *problem_.interaction_rows;
    if (!(factor.weight >= 0) || !(factor.weight <= kMaxRowMagnitude)) {
      return Invalid("interaction_rows: the weight is negative, not finite, or above 1e50");
    }
    if (factor.rows.size() * factor.choices.size() > kMaxRowEntries) {
      return Invalid("interaction_rows have more than ", kMaxRowEntries, " entries");
    }
    absl::flat_hash_set<std::pair<absl::string_view, absl::string_view>> seen;
    for (size_t column = 0; column < factor.choices.size(); ++column) {
      const auto& [name, choice] = factor.choices[column];
      const std::string owner = absl::StrCat("interaction_rows, column ", column);
      HT_ASSIGN_OR_RETURN(const Problem::Layer* layer, Find(name, owner));
      HT_RETURN_IF_ERROR(CheckChoice(*layer, choice, owner));
      if (!seen.emplace(name, choice).second) {
        return Invalid(owner, ": layer ", Quoted(name), ", choice ", Quoted(choice),
                       " has a column already");
      }
    }
    for (size_t r = 0; r < factor.rows.size(); ++r) {
      if (factor.rows[r].size() != factor.choices.size()) {
        return Invalid("interaction_rows, row ", r, " has ", factor.rows[r].size(),
                       " entries, not one for each of the ", factor.choices.size(), " choices");
      }
      for (double value : factor.rows[r]) {
        if (std::abs(value) <= kMaxRowMagnitude) continue;
        return Invalid("interaction_rows, row ", r, " has an entry that is not finite, or above ",
                       kMaxRowMagnitude);
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckMetrics() {
    if (problem_.budgets.size() > kMaxBudgets) {
      return Invalid("the problem has more than ", kMaxBudgets, " budgets");
    }
    for (const auto& [metric, limit] : problem_.budgets) {
      if (!IsSound(limit))
        return Invalid("budget ", Quoted(metric), " is not finite, or above 1e100");
      if (metric == kChangesMetric) {
        return Invalid("budget ", Quoted(metric), ": max_changes is that limit");
      }
      if (limit < 0) return Invalid("budget ", Quoted(metric), " is negative: ", limit);
      if (!metrics_.contains(metric)) {
        return Invalid("budget ", Quoted(metric), " is on a metric that no choice has a cost in",
                       OtherMetrics());
      }
    }
    if (!problem_.frontier.empty() && !metrics_.contains(problem_.frontier)) {
      return Invalid("frontier ", Quoted(problem_.frontier),
                     " is a metric that no choice has a cost in", OtherMetrics());
    }
    return absl::OkStatus();
  }

  // Those that would do, the first few by name.
  std::string OtherMetrics() const {
    constexpr size_t kMostNamed = 8;
    std::vector<std::string> names(metrics_.begin(), metrics_.end());
    std::sort(names.begin(), names.end());
    if (names.empty()) return "";
    if (names.size() > kMostNamed) names.resize(kMostNamed);
    return absl::StrCat("; there is ", absl::StrJoin(names, ", "));
  }

  absl::Status CheckWeights() {
    if (problem_.objective_weights.empty()) return absl::OkStatus();
    for (const auto& [metric, weight] : problem_.objective_weights) {
      const std::string owner = absl::StrCat("objective weight ", Quoted(metric));
      if (!IsSound(weight)) return Invalid(owner, " is not finite, or above 1e100");
      if (weight < 0) return Invalid(owner, " is negative: ", weight);
      if (!metrics_.contains(metric)) {
        return Invalid(owner, " is on a metric that no choice has a cost in", OtherMetrics());
      }
    }
    for (const Problem::Layer& layer : problem_.layers) {
      for (const Problem::Choice& choice : layer.choices) {
        HT_RETURN_IF_ERROR(CheckWeighted(choice.cost));
      }
    }
    for (const Problem::Edge& edge : problem_.edges) {
      for (const Problem::EdgeCost& cost : edge.costs) {
        HT_RETURN_IF_ERROR(CheckWeighted(cost.cost));
      }
    }
    return absl::OkStatus();
  }

  // What is added to losses is of their size at most.
  absl::Status CheckWeighted(const Costs& costs) {
    for (const auto& [metric, weight] : problem_.objective_weights) {
      const auto cost = costs.find(metric);
      if (cost == costs.end() || IsSound(weight * cost->second)) continue;
      return Invalid("objective weight ", Quoted(metric), " times a cost of ", cost->second,
                     " is above 1e100");
    }
    return absl::OkStatus();
  }

  // Where a choice's cost is not given but those of others are, it would win by an omission.
  absl::Status CheckDecisiveCosts() {
    std::set<std::string> decisive;
    for (const auto& [metric, limit] : problem_.budgets) decisive.insert(metric);
    for (const auto& [metric, weight] : problem_.objective_weights) decisive.insert(metric);
    if (!problem_.frontier.empty()) decisive.insert(problem_.frontier);
    for (const std::string& metric : decisive) HT_RETURN_IF_ERROR(CheckCostsOf(problem_, metric));
    return absl::OkStatus();
  }

  const Problem& problem_;
  absl::flat_hash_map<absl::string_view, const Problem::Layer*> layers_;
  absl::flat_hash_set<std::string> metrics_;
  absl::flat_hash_map<std::string, std::string> tied_to_;  // upwards to a root
  size_t pairs_ = 0;
};

}  // namespace

absl::Status CheckCostsOf(const Problem& problem, const std::string& metric) {
  for (const Problem::Layer& layer : problem.layers) {
    const Problem::Choice *with = nullptr, *without = nullptr;
    for (const Problem::Choice& choice : layer.choices) {
      (choice.cost.contains(metric) ? with : without) = &choice;
    }
    if (with == nullptr || without == nullptr) continue;
    return Invalid("layer ", Quoted(layer.name), ", choice ", Quoted(without->name), ": cost ",
                   Quoted(metric), " is missing, which choice ", Quoted(with->name), " has");
  }
  return absl::OkStatus();
}

absl::Status CheckProblem(const Problem& problem) { return Checker(problem).Check(); }

}  // namespace halftone
