#include "search/solver/verify_model.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/status_macros.h"

namespace halftone {
namespace {

// Numbers that tables of pairs, and factors, may hold.
constexpr size_t kMaxNumbers = 60'000'000;

class Builder {
 public:
  explicit Builder(const Problem& problem) : problem_(problem) {
    for (const auto& [metric, limit] : problem.budgets) AddLimit(metric, limit);
    if (problem.max_changes.has_value()) {
      AddLimit(kChangesMetric, static_cast<double>(*problem.max_changes));
    }
  }

  absl::StatusOr<VerifyModel> Build() {
    for (size_t i = 0; i < problem_.layers.size(); ++i) layer_[problem_.layers[i].name] = i;
    Group();
    for (size_t i = 0; i < problem_.layers.size(); ++i) AddLayer(problem_.layers[i]);
    for (const Problem::Edge& edge : problem_.edges) {
      for (const Problem::EdgeCost& cost : edge.costs) {
        HT_RETURN_IF_ERROR(AddPair({edge.from, cost.from_choice}, {edge.to, cost.to_choice},
                                   Column(0, cost.cost)));
      }
    }
    for (const Problem::Interaction& interaction : problem_.interactions) {
      HT_RETURN_IF_ERROR(AddPair(interaction.a, interaction.b, Column(interaction.loss, Costs())));
    }
    if (problem_.max_changes.has_value()) HT_RETURN_IF_ERROR(AddChanges());
    if (problem_.interaction_rows.has_value()) HT_RETURN_IF_ERROR(AddRows());
    return std::move(model_);
  }

 private:
  using Place = std::pair<std::string, std::string>;  // layer, choice; or two layers

  void AddLimit(const std::string& metric, double limit) {
    model_.metrics.push_back(metric);
    model_.limits.push_back(limit);
  }

  // Layers that ties connect, also through others, are one variable.
  void Group() {
    std::vector<std::vector<size_t>> tied(problem_.layers.size());
    for (const std::vector<std::string>& tie : problem_.ties) {
      for (const std::string& name : tie) {
        tied[layer_.at(tie[0])].push_back(layer_.at(name));
        tied[layer_.at(name)].push_back(layer_.at(tie[0]));
      }
    }
    constexpr size_t kNone = static_cast<size_t>(-1);
    variable_.assign(problem_.layers.size(), kNone);
    for (size_t start = 0; start < tied.size(); ++start) {
      if (variable_[start] != kNone) continue;
      std::vector<size_t> reached = {start};
      variable_[start] = model_.variables.size();
      for (size_t i = 0; i < reached.size(); ++i) {
        for (size_t next : tied[reached[i]]) {
          if (variable_[next] != kNone) continue;
          variable_[next] = model_.variables.size();
          reached.push_back(next);
        }
      }
      VerifyModel::Variable& variable = model_.variables.emplace_back();
      for (size_t layer : reached) variable.layers.push_back(problem_.layers[layer].name);
      for (const Problem::Choice& choice : problem_.layers[start].choices) {
        if (!MayTake(variable.layers, choice.name)) continue;
        variable.choices.push_back(choice.name);
        variable.values.emplace_back(model_.columns(), 0.0);
      }
    }
  }

  bool MayTake(const std::vector<std::string>& layers, const std::string& choice) const {
    return std::all_of(layers.begin(), layers.end(), [&](const std::string& layer) {
      const auto pin = problem_.pins.find(layer);
      if (pin != problem_.pins.end() && pin->second != choice) return false;
      const auto allowed = problem_.allowed.find(layer);
      return allowed == problem_.allowed.end() ||
             std::find(allowed->second.begin(), allowed->second.end(), choice) !=
                 allowed->second.end();
    });
  }

  std::vector<double> Column(double loss, const Costs& costs) const {
    std::vector<double> column = {loss};
    for (const auto& [metric, weight] : problem_.objective_weights) {
      const auto found = costs.find(metric);
      if (found != costs.end()) column[0] += weight * found->second;
    }
    for (const std::string& metric : model_.metrics) {
      const auto found = costs.find(metric);
      column.push_back(found == costs.end() ? 0 : found->second);
    }
    return column;
  }

  static void AddTo(std::vector<double>& sums, const std::vector<double>& values) {
    for (size_t c = 0; c < sums.size(); ++c) sums[c] += values[c];
  }

  size_t VariableOf(const std::string& layer) const { return variable_[layer_.at(layer)]; }

  // The choice's number in its variable; past the end when it may not be taken.
  size_t Find(const Place& place) const {
    const std::vector<std::string>& names = model_.variables[VariableOf(place.first)].choices;
    return static_cast<size_t>(std::find(names.begin(), names.end(), place.second) - names.begin());
  }

  void AddLayer(const Problem::Layer& layer) {
    VerifyModel::Variable& variable = model_.variables[VariableOf(layer.name)];
    for (const Problem::Choice& choice : layer.choices) {
      const size_t o = Find({layer.name, choice.name});
      if (o < variable.choices.size()) {
        AddTo(variable.values[o], Column(choice.loss, choice.cost));
      }
    }
  }

  absl::Status AddPair(const Place& a, const Place& b, const std::vector<double>& values) {
    const size_t v = VariableOf(a.first), w = VariableOf(b.first), o = Find(a), p = Find(b);
    if (o == model_.variables[v].choices.size() || p == model_.variables[w].choices.size()) {
      return absl::OkStatus();
    }
    if (v == w) {
      if (o == p) AddTo(model_.variables[v].values[o], values);
      return absl::OkStatus();
    }
    const auto [found, is_new] =
        pair_.try_emplace({std::min(v, w), std::max(v, w)}, model_.pairs.size());
    if (is_new) HT_RETURN_IF_ERROR(StartPair(found->first.first, found->first.second));
    auto& table = model_.pairs[found->second].values;
    AddTo(v < w ? table[o][p] : table[p][o], values);
    return absl::OkStatus();
  }

  absl::Status StartPair(size_t a, size_t b) {
    const size_t rows = model_.variables[a].choices.size();
    const size_t columns = model_.variables[b].choices.size();
    numbers_ += rows * columns * model_.columns();
    if (numbers_ > kMaxNumbers) {
      return absl::ResourceExhaustedError("the problem is too large to be verified");
    }
    const std::vector<double> zero(model_.columns(), 0.0);
    model_.pairs.push_back({a, b, {rows, std::vector<std::vector<double>>(columns, zero)}});
    return absl::OkStatus();
  }

  absl::Status AddChanges() {
    const std::vector<double> change = Column(0, {{kChangesMetric, 1}});
    std::set<Place> neighbours;  // each pair once, whatever its direction
    for (const auto& [a, b] : problem_.neighbours) neighbours.insert(std::minmax(a, b));
    for (const Problem::Edge& edge : problem_.edges) {
      if (problem_.neighbours.empty()) neighbours.insert(std::minmax(edge.from, edge.to));
    }
    for (const auto& [first, second] : neighbours) {
      for (const Problem::Choice& before : problem_.layers[layer_.at(first)].choices) {
        for (const Problem::Choice& after : problem_.layers[layer_.at(second)].choices) {
          if (before.name == after.name) continue;
          HT_RETURN_IF_ERROR(AddPair({first, before.name}, {second, after.name}, change));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddRows() {
    const Problem::InteractionRows& given = *problem_.interaction_rows;
    model_.rows = given.rows.size();
    for (VerifyModel::Variable& variable : model_.variables) {
      numbers_ += variable.choices.size() * model_.rows;
      if (numbers_ > kMaxNumbers) {
        return absl::ResourceExhaustedError("the problem is too large to be verified");
      }
      variable.factor.assign(variable.choices.size(), std::vector<double>(model_.rows, 0.0));
    }
    const double scale = std::sqrt(given.weight);
    for (size_t i = 0; i < given.choices.size(); ++i) {
      VerifyModel::Variable& variable = model_.variables[VariableOf(given.choices[i].first)];
      const size_t o = Find(given.choices[i]);
      if (o == variable.choices.size()) continue;
      for (size_t r = 0; r < model_.rows; ++r) {
        const double value = scale * given.rows[r][i];
        variable.values[o][0] += variable.factor[o][r] * value;  // with the layers tied to it
        variable.factor[o][r] += value;
      }
    }
    return absl::OkStatus();
  }

  const Problem& problem_;
  VerifyModel model_;
  std::map<std::string, size_t> layer_;
  std::vector<size_t> variable_;  // of each layer
  std::map<std::pair<size_t, size_t>, size_t> pair_;
  size_t numbers_ = 0;
};

}  // namespace

std::vector<double> VerifyModel::Totals(const std::vector<size_t>& selection) const {
  std::vector<double> totals(columns(), 0.0);
  std::vector<double> sums(rows, 0.0);
  for (size_t v = 0; v < variables.size(); ++v) {
    const Variable& variable = variables[v];
    for (size_t c = 0; c < totals.size(); ++c) totals[c] += variable.values[selection[v]][c];
    for (size_t r = 0; r < rows; ++r) {
      totals[0] += sums[r] * variable.factor[selection[v]][r];
      sums[r] += variable.factor[selection[v]][r];
    }
  }
  for (const Pair& pair : pairs) {
    const std::vector<double>& values = pair.values[selection[pair.a]][selection[pair.b]];
    for (size_t c = 0; c < totals.size(); ++c) totals[c] += values[c];
  }
  return totals;
}

absl::StatusOr<VerifyModel> MakeVerifyModel(const Problem& problem) {
  return Builder(problem).Build();
}

}  // namespace halftone
