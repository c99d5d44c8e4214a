#include "search/solver/compile.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// Numbers that the tables of all pairs may hold.
constexpr size_t kMaxPairTable = 64'000'000;

int IndexOf(const Problem::Layer& layer, absl::string_view name) {
  for (size_t i = 0; i < layer.choices.size(); ++i) {
    if (layer.choices[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

double CostOf(const Costs& costs, const std::string& metric) {
  const auto found = costs.find(metric);
  return found == costs.end() ? 0 : found->second;
}

void Add(Costs& total, const Costs& costs) {
  for (const auto& [metric, value] : costs) total[metric] += value;
}

// What a limit is divided by: itself, or for a limit of 0 the largest cost of one choice.
double ScaleOf(const Problem& problem, const std::string& metric, double limit) {
  if (limit > 0 && std::isfinite(limit)) return limit;
  double largest = 0;
  for (const Problem::Layer& layer : problem.layers) {
    for (const Problem::Choice& choice : layer.choices) {
      largest = std::max(largest, std::abs(CostOf(choice.cost, metric)));
    }
  }
  return largest > 0 ? largest : 1;
}

}  // namespace

absl::StatusOr<CompiledProblem> CompiledProblem::Create(const Problem& problem) {
  HT_RETURN_IF_ERROR(CheckProblem(problem));
  CompiledProblem compiled;
  compiled.problem_ = &problem;
  for (size_t i = 0; i < problem.layers.size(); ++i) {
    compiled.layer_index_.emplace(problem.layers[i].name, static_cast<int>(i));
  }
  compiled.MergeTies();
  compiled.ApplyPins();
  compiled.FindPairs();
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

void CompiledProblem::ApplyPins() {
  for (const auto& [name, choice] : problem_->pins) {
    const int layer = layer_index_.at(name);
    std::vector<Member>& members = variables_[size_t(variable_of_layer_[size_t(layer)])];
    const auto pinned = std::find_if(members.begin(), members.end(),
                                     [&](const Member& member) { return member.layer == layer; });
    const int wanted = IndexOf(problem_->layers[size_t(layer)], choice);
    const auto position =
        std::find(pinned->choices.begin(), pinned->choices.end(), wanted) - pinned->choices.begin();
    for (Member& member : members) member.choices = {member.choices[size_t(position)]};
  }
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
}

// Fills a CompactProblem.
class CompiledProblem::Tabulator {
 public:
  Tabulator(const CompiledProblem& source,
            const std::vector<std::pair<std::string, double>>& metrics)
      : source_(source), metrics_(metrics), components_(1 + metrics.size()) {
    compact_.components = static_cast<int>(components_);
    compact_.constant.assign(components_, 0);
    for (const auto& [metric, limit] : metrics) {
      scale_.push_back(ScaleOf(*source.problem_, metric, limit));
      // A limit of 0 is kept to rounding: a sum of what cancels need not be 0 exactly.
      compact_.limit.push_back(limit > 0 ? limit / scale_.back() * (1 + kBudgetTolerance) : 1e-15);
    }
  }

  absl::StatusOr<CompactProblem> Take() {
    for (const std::vector<Member>& members : source_.variables_) AddVariable(members);
    for (const PairPrice& pair : source_.pairs_) HT_RETURN_IF_ERROR(AddPair(pair));
    return std::move(compact_);
  }

 private:
  void AddVariable(const std::vector<Member>& members) {
    const size_t choices = members[0].choices.size();
    compact_.choices.push_back(static_cast<int>(choices));
    std::vector<double>& values = compact_.values.emplace_back(choices * components_, 0.0);
    for (const Member& member : members) {
      const Problem::Layer& layer = source_.problem_->layers[size_t(member.layer)];
      for (size_t i = 0; i < choices; ++i) {
        const Problem::Choice& choice = layer.choices[size_t(member.choices[i])];
        AddTo(values.data() + i * components_, choice.loss, choice.cost);
      }
    }
  }

  void AddTo(double* value, double loss, const Costs& cost) const {
    value[0] += loss;
    for (size_t k = 0; k < metrics_.size(); ++k) {
      value[k + 1] += CostOf(cost, metrics_[k].first) / scale_[k];
    }
  }

  absl::Status AddPair(const PairPrice& pair) {
    static const Costs kNone;
    const Costs& cost = pair.cost != nullptr ? *pair.cost : kNone;
    int v = source_.variable_of_layer_[size_t(pair.a.layer)];
    int w = source_.variable_of_layer_[size_t(pair.b.layer)];
    ChoiceIndex o = source_.choice_of_layer_[size_t(pair.a.layer)][size_t(pair.a.choice)];
    ChoiceIndex p = source_.choice_of_layer_[size_t(pair.b.layer)][size_t(pair.b.choice)];
    if (o < 0 || p < 0) return absl::OkStatus();  // a pin rules it out
    if (v == w) {
      // Tied layers: only equal choices ever meet.
      if (o == p) {
        AddTo(compact_.values[size_t(v)].data() + size_t(o) * components_, pair.loss, cost);
      }
      return absl::OkStatus();
    }
    if (v > w) {
      std::swap(v, w);
      std::swap(o, p);
    }
    HT_ASSIGN_OR_RETURN(CompactPair * table, TableOf(v, w));
    const size_t row = size_t(o) * size_t(compact_.choices[size_t(w)]);
    AddTo(table->values.data() + (row + size_t(p)) * components_, pair.loss, cost);
    return absl::OkStatus();
  }

  absl::StatusOr<CompactPair*> TableOf(int v, int w) {
    const auto [found, is_new] = index_.try_emplace(std::pair(v, w), compact_.pairs.size());
    if (is_new) {
      const size_t size =
          size_t(compact_.choices[size_t(v)]) * size_t(compact_.choices[size_t(w)]) * components_;
      table_size_ += size;
      if (table_size_ > kMaxPairTable) {
        return absl::ResourceExhaustedError(
            "the pairs of choices of edges and interactions are too many to be tabulated");
      }
      compact_.pairs.push_back({v, w, std::vector<double>(size, 0.0)});
    }
    return &compact_.pairs[found->second];
  }

  const CompiledProblem& source_;
  const std::vector<std::pair<std::string, double>>& metrics_;
  size_t components_;
  std::vector<double> scale_;
  CompactProblem compact_;
  absl::flat_hash_map<std::pair<int, int>, size_t> index_;
  size_t table_size_ = 0;
};

absl::StatusOr<CompactProblem> CompiledProblem::Compact(
    const std::vector<std::pair<std::string, double>>& metrics) const {
  return Tabulator(*this, metrics).Take();
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
  point.lower_bound = point.loss;
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
  point.assignment = assignment;
  point.lower_bound = point.loss;
  return point;
}

}  // namespace halftone
