#include "search/solver/compile.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

int IndexOf(const Problem::Layer& layer, absl::string_view name) {
  for (size_t i = 0; i < layer.choices.size(); ++i) {
    if (layer.choices[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

void Add(Costs& total, const Costs& costs) {
  for (const auto& [metric, value] : costs) total[metric] += value;
}

// Each pair once.
std::set<std::pair<std::string, std::string>> NeighboursOf(const Problem& problem) {
  std::set<std::pair<std::string, std::string>> pairs;
  for (const auto& [a, b] : problem.neighbours) pairs.insert(std::minmax(a, b));
  if (!problem.neighbours.empty()) return pairs;
  for (const Problem::Edge& edge : problem.edges) pairs.insert(std::minmax(edge.from, edge.to));
  return pairs;
}

// The objective of a point with loss and costs; the bounds equal the values.
void FillProven(const Problem& problem, FrontierPoint& point) {
  if (!problem.objective_weights.empty()) {
    const double value = point.loss + WeightedCost(problem, point.cost);
    point.objective = {value, value};
  }
  point.lower_bound = point.loss;
}

// The loss of all pairs of the chosen columns.
double LossOfRows(const Problem::InteractionRows& factor, const std::vector<size_t>& chosen) {
  double loss = 0;
  for (const std::vector<double>& row : factor.rows) {
    double before = 0;
    for (size_t column : chosen) {
      loss += row[column] * before;
      before += row[column];
    }
  }
  return factor.weight * loss;
}

}  // namespace

double WeightedCost(const Problem& problem, const Costs& costs) {
  double sum = 0;
  for (const auto& [metric, weight] : problem.objective_weights) {
    const auto cost = costs.find(metric);
    if (cost != costs.end()) sum += weight * cost->second;
  }
  return sum;
}

absl::StatusOr<CompiledProblem> CompiledProblem::Create(const Problem& problem) {
  HT_RETURN_IF_ERROR(CheckProblem(problem));
  CompiledProblem compiled;
  compiled.problem_ = &problem;
  for (size_t i = 0; i < problem.layers.size(); ++i) {
    compiled.layer_index_.emplace(problem.layers[i].name, static_cast<int>(i));
  }
  compiled.MergeTies();
  for (const auto& [layer, choices] : problem.allowed) compiled.Restrict(layer, choices);
  for (const auto& [layer, choice] : problem.pins) compiled.Restrict(layer, {choice});
  compiled.NumberChoices();
  compiled.FindPairs();
  compiled.limits_.assign(problem.budgets.begin(), problem.budgets.end());
  if (problem.max_changes.has_value()) {
    compiled.AddChanges();
    compiled.limits_.emplace_back(kChangesMetric, static_cast<double>(*problem.max_changes));
  }
  return compiled;
}

void CompiledProblem::MergeTies() {
  const size_t layers = problem_->layers.size();
  std::vector<int> parent(layers);
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](int layer) {
    while (parent[size_t(layer)] != layer) {
      layer = parent[size_t(layer)] = parent[size_t(parent[size_t(layer)])];
    }
    return layer;
  };
  for (const std::vector<std::string>& tie : problem_->ties) {
    for (const std::string& name : tie) {
      const int a = root(layer_index_.at(tie[0])), b = root(layer_index_.at(name));
      parent[size_t(std::max(a, b))] = std::min(a, b);
    }
  }
  variable_of_layer_.assign(layers, -1);
  for (size_t layer = 0; layer < layers; ++layer) {
    const auto head = static_cast<size_t>(root(static_cast<int>(layer)));
    if (head == layer) {
      variable_of_layer_[layer] = static_cast<int>(variables_.size());
      variables_.emplace_back();
    }
    variable_of_layer_[layer] = variable_of_layer_[head];
    Member member{static_cast<int>(layer), {}};
    const Problem::Layer& named = problem_->layers[layer];
    if (head == layer) {
      member.choices.resize(named.choices.size());
      std::iota(member.choices.begin(), member.choices.end(), 0);
    } else {
      absl::flat_hash_map<absl::string_view, int> index;
      for (size_t i = 0; i < named.choices.size(); ++i) {
        index.emplace(named.choices[i].name, static_cast<int>(i));
      }
      for (const Problem::Choice& choice : problem_->layers[head].choices) {
        member.choices.push_back(index.at(choice.name));
      }
    }
    variables_[size_t(variable_of_layer_[layer])].push_back(std::move(member));
  }
}

void CompiledProblem::Restrict(const std::string& name, const std::vector<std::string>& choices) {
  const int layer = layer_index_.at(name);
  std::vector<Member>& members = variables_[size_t(variable_of_layer_[size_t(layer)])];
  const auto named = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.layer == layer; });
  const absl::flat_hash_set<absl::string_view> wanted(choices.begin(), choices.end());
  std::vector<size_t> positions;
  for (size_t i = 0; i < named->choices.size(); ++i) {
    const int choice = named->choices[i];
    if (wanted.contains(problem_->layers[size_t(layer)].choices[size_t(choice)].name)) {
      positions.push_back(i);
    }
  }
  for (Member& member : members) {
    std::vector<int> kept;
    for (size_t position : positions) kept.push_back(member.choices[position]);
    member.choices = std::move(kept);
  }
}

void CompiledProblem::NumberChoices() {
  choice_of_layer_.resize(problem_->layers.size());
  for (const std::vector<Member>& members : variables_) {
    for (const Member& member : members) {
      std::vector<ChoiceIndex>& choices = choice_of_layer_[size_t(member.layer)];
      choices.assign(problem_->layers[size_t(member.layer)].choices.size(), -1);
      for (size_t i = 0; i < member.choices.size(); ++i) {
        choices[size_t(member.choices[i])] = static_cast<ChoiceIndex>(i);
      }
    }
  }
}

CompiledProblem::Place CompiledProblem::Find(const std::string& layer,
                                             absl::string_view choice) const {
  const int index = layer_index_.at(layer);
  return {index, IndexOf(problem_->layers[size_t(index)], choice)};
}

void CompiledProblem::FindPairs() {
  for (const Problem::Edge& edge : problem_->edges) {
    for (const Problem::EdgeCost& cost : edge.costs) {
      pairs_.push_back(
          {Find(edge.from, cost.from_choice), Find(edge.to, cost.to_choice), 0, &cost.cost});
    }
  }
  for (const Problem::Interaction& interaction : problem_->interactions) {
    pairs_.push_back({Find(interaction.a.first, interaction.a.second),
                      Find(interaction.b.first, interaction.b.second), interaction.loss, nullptr});
  }
  if (!problem_->interaction_rows.has_value()) return;
  for (const auto& [layer, choice] : problem_->interaction_rows->choices) {
    columns_.push_back(Find(layer, choice));
  }
}

void CompiledProblem::AddChanges() {
  static const Costs kOneChange = {{kChangesMetric, 1}};
  for (const auto& [first, second] : NeighboursOf(*problem_)) {
    const int a = layer_index_.at(first), b = layer_index_.at(second);
    const Problem::Layer& before = problem_->layers[size_t(a)];
    const Problem::Layer& after = problem_->layers[size_t(b)];
    for (size_t o = 0; o < before.choices.size(); ++o) {
      for (size_t p = 0; p < after.choices.size(); ++p) {
        if (before.choices[o].name == after.choices[p].name) continue;
        pairs_.push_back({{a, static_cast<int>(o)}, {b, static_cast<int>(p)}, 0, &kOneChange});
      }
    }
  }
}

absl::StatusOr<Selection> CompiledProblem::ToSelection(const Assignment& assignment) const {
  Selection selection(variables_.size(), -1);
  for (size_t layer = 0; layer < problem_->layers.size(); ++layer) {
    const Problem::Layer& named = problem_->layers[layer];
    const auto chosen = assignment.find(named.name);
    const int index = chosen == assignment.end() ? -1 : IndexOf(named, chosen->second);
    const ChoiceIndex choice = index < 0 ? -1 : choice_of_layer_[layer][size_t(index)];
    ChoiceIndex& of_variable = selection[size_t(variable_of_layer_[layer])];
    if (choice < 0 || (of_variable >= 0 && of_variable != choice)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the assignment gives layer '", named.name, "' no choice that it may take"));
    }
    of_variable = choice;
  }
  return selection;
}

std::vector<std::pair<int, int>> CompiledProblem::PlacesOf(int variable, ChoiceIndex choice) const {
  std::vector<std::pair<int, int>> places;
  for (const Member& member : variables_[size_t(variable)]) {
    places.emplace_back(member.layer, member.choices[size_t(choice)]);
  }
  return places;
}

FrontierPoint CompiledProblem::ToPoint(const Selection& selection) const {
  FrontierPoint point;
  std::vector<int> chosen(problem_->layers.size());
  for (size_t v = 0; v < variables_.size(); ++v) {
    for (const Member& member : variables_[v]) {
      chosen[size_t(member.layer)] = member.choices[size_t(selection[v])];
    }
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Problem::Layer& layer = problem_->layers[i];
    const Problem::Choice& choice = layer.choices[size_t(chosen[i])];
    point.loss += choice.loss;
    Add(point.cost, choice.cost);
    point.assignment.emplace(layer.name, choice.name);
  }
  for (const PairPrice& pair : pairs_) {
    if (chosen[size_t(pair.a.layer)] != pair.a.choice) continue;
    if (chosen[size_t(pair.b.layer)] != pair.b.choice) continue;
    point.loss += pair.loss;
    if (pair.cost != nullptr) Add(point.cost, *pair.cost);
  }
  if (!columns_.empty()) {
    std::vector<size_t> columns;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (chosen[size_t(columns_[i].layer)] == columns_[i].choice) columns.push_back(i);
    }
    point.loss += LossOfRows(*problem_->interaction_rows, columns);
  }
  if (problem_->max_changes.has_value()) point.cost.try_emplace(kChangesMetric, 0);
  FillProven(*problem_, point);
  return point;
}

absl::StatusOr<FrontierPoint> EvaluateAssignment(const Problem& problem,
                                                 const Assignment& assignment) {
  FrontierPoint point;
  const auto chosen = [&](const std::string& layer) -> absl::string_view {
    return assignment.find(layer)->second;
  };
  for (const Problem::Layer& layer : problem.layers) {
    const auto found = assignment.find(layer.name);
    if (found == assignment.end()) {
      return absl::InvalidArgumentError(absl::StrCat("layer '", layer.name, "' is not assigned"));
    }
    const int index = IndexOf(layer, found->second);
    if (index < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer '", layer.name, "' has no choice '", found->second, "'"));
    }
    point.loss += layer.choices[size_t(index)].loss;
    Add(point.cost, layer.choices[size_t(index)].cost);
  }
  for (const Problem::Edge& edge : problem.edges) {
    const absl::string_view from = chosen(edge.from), to = chosen(edge.to);
    for (const Problem::EdgeCost& cost : edge.costs) {
      if (cost.from_choice == from && cost.to_choice == to) Add(point.cost, cost.cost);
    }
  }
  for (const Problem::Interaction& interaction : problem.interactions) {
    if (chosen(interaction.a.first) == interaction.a.second &&
        chosen(interaction.b.first) == interaction.b.second) {
      point.loss += interaction.loss;
    }
  }
  if (problem.interaction_rows.has_value()) {
    std::vector<size_t> columns;
    const auto& named = problem.interaction_rows->choices;
    for (size_t i = 0; i < named.size(); ++i) {
      if (chosen(named[i].first) == absl::string_view(named[i].second)) columns.push_back(i);
    }
    point.loss += LossOfRows(*problem.interaction_rows, columns);
  }
  if (problem.max_changes.has_value()) {
    double& changes = point.cost[kChangesMetric];
    for (const auto& [a, b] : NeighboursOf(problem)) changes += chosen(a) != chosen(b) ? 1 : 0;
  }
  point.assignment = assignment;
  FillProven(problem, point);
  return point;
}

}  // namespace halftone
