#include "search/problem_builder.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/status_macros.h"
#include "base/units.h"
#include "search/live_set_metric.h"
#include "search/loss_terms.h"
#include "search/solver/solver.h"
#include "search/spec_check.h"

namespace halftone {
namespace {

// Of the time that is left, what may be spent where more has to be solved after it.
constexpr double kShareOfTime = 0.5;

// Until the deadline, or as long as a share of the time before it.
SolveOptions OptionsUntil(SteadyTime deadline, double share, const Progress& progress) {
  const absl::Duration left = deadline - progress.cancellation.clock().Now();
  SolveOptions options;
  options.time_limit = std::max(absl::ZeroDuration(), share * left);
  options.max_frontier_points = kMaxFrontierPoints;
  return options;
}

std::string Key(Metric metric) { return std::string(MetricCostKey(metric)); }

class ProblemBuilder {
 public:
  ProblemBuilder(const ProblemInputs& inputs, const Progress& progress)
      : inputs_(inputs), progress_(progress) {}

  absl::StatusOr<BuiltProblem> Build() {
    built_.deadline = progress_.cancellation.clock().Now() + inputs_.spec.time_limit;
    built_.live_sets = inputs_.network.live_sets;
    for (LiveSet& set : built_.live_sets) ScaleToBatch(set);
    HT_RETURN_IF_ERROR(AddLayers());
    if (inputs_.spec.use_ties) AddTies(inputs_.network, built_.problem);
    HT_RETURN_IF_ERROR(AddEdges());
    HT_RETURN_IF_ERROR(AddReferenceCost());
    HT_RETURN_IF_ERROR(CheckProblem(built_.problem));
    HT_RETURN_IF_ERROR(AddBudgets());
    if (!inputs_.spec.budgets.empty()) {
      HT_RETURN_IF_ERROR(AtField("budgets", CheckProblem(built_.problem)));
    }
    HT_RETURN_IF_ERROR(AddFrontier());
    HT_RETURN_IF_ERROR(ApplyChoices(inputs_.spec, inputs_.network, built_.problem));
    return std::move(built_);
  }

 private:
  void ScaleToBatch(LiveSet& set) const {
    set.fixed_bytes *= inputs_.spec.batch;
    for (auto& [layer, elements] : set.elements) elements *= inputs_.spec.batch;
  }

  // With another layer, or as a tensor that stays float in any case.
  bool IsStoredElsewhere(const NetworkSummary::LayerFacts& layer,
                         const Precision& precision) const {
    if (layer.is_float_anyway && precision.weights == NumberFormat()) return true;
    return inputs_.spec.use_ties && !layer.shares_weights_with.empty() &&
           (layer.shares_scales || !precision.weights.IsInteger());
  }

  absl::StatusOr<Costs> CostsOf(const NetworkSummary::LayerFacts& layer, const Precision& precision,
                                bool is_first) const {
    const CostRow* row = inputs_.costs.Find(layer.name, precision);
    if (row == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("the cost table of target '",
                                                        inputs_.costs.target, "' has no row for '",
                                                        layer.name, "' in ", precision.ToString()));
    }
    Costs costs;
    costs[Key(Metric::kLatency)] =
        row->latency_ns + (is_first ? inputs_.costs.fixed_latency_ns : 0.0);
    costs[Key(Metric::kSize)] =
        (IsStoredElsewhere(layer, precision) ? layer.bias_bytes : row->weight_bytes) +
        (is_first ? inputs_.network.other_bytes : 0.0);
    if (row->energy_pj.has_value()) costs[Key(Metric::kEnergy)] = *row->energy_pj;
    const Precision operands = layer.has_weights ? precision : precision.WithoutWeights();
    costs[Key(Metric::kBops)] =
        layer.macs * operands.weights.bits * operands.activations.bits * inputs_.spec.batch;
    return costs;
  }

  absl::Status AddLayers() {
    const std::vector<LayerSensitivity>& losses = inputs_.sensitivity.layers;
    if (losses.size() != inputs_.network.layers.size()) {
      return absl::FailedPreconditionError("the sensitivities are those of another network");
    }
    for (size_t l = 0; l < losses.size(); ++l) {
      Problem::Layer layer;
      layer.name = losses[l].name;
      for (const Precision& precision : inputs_.precisions) {
        const auto loss =
            std::find_if(losses[l].choices.begin(), losses[l].choices.end(),
                         [&](const ChoiceLoss& choice) { return choice.precision == precision; });
        if (loss == losses[l].choices.end()) {
          return absl::FailedPreconditionError(absl::StrCat(
              "layer '", layer.name, "' has no sensitivity for ", precision.ToString()));
        }
        HT_ASSIGN_OR_RETURN(Costs costs, CostsOf(inputs_.network.layers[l], precision, l == 0));
        layer.choices.push_back({precision.ToString(), CountedLoss(*loss, inputs_.spec.robust),
                                 std::move(costs), loss->loss_stderr});
      }
      built_.problem.layers.push_back(std::move(layer));
    }
    return absl::OkStatus();
  }

  bool IsOffered(const Precision& precision) const {
    return std::find(inputs_.precisions.begin(), inputs_.precisions.end(), precision) !=
           inputs_.precisions.end();
  }

  bool IsLayer(const std::string& name) const {
    return std::any_of(inputs_.network.layers.begin(), inputs_.network.layers.end(),
                       [&](const auto& layer) { return layer.name == name; });
  }

  absl::Status AddEdges() {
    std::map<std::pair<std::string, std::string>, Problem::Edge> edges;
    for (const EdgeRow& row : inputs_.costs.edges) {
      if (!IsLayer(row.from) || !IsLayer(row.to) || row.from == row.to) {
        return absl::FailedPreconditionError(absl::StrCat("the cost table has an edge from '",
                                                          row.from, "' to '", row.to,
                                                          "', which are not two layers"));
      }
      if (!IsOffered(row.from_precision) || !IsOffered(row.to_precision)) continue;
      if (row.latency_ns == 0 && row.energy_pj.value_or(0) == 0) continue;
      Problem::EdgeCost cost;
      cost.from_choice = row.from_precision.ToString();
      cost.to_choice = row.to_precision.ToString();
      cost.cost[Key(Metric::kLatency)] = row.latency_ns;
      if (row.energy_pj.has_value()) cost.cost[Key(Metric::kEnergy)] = *row.energy_pj;
      Problem::Edge& edge = edges[{row.from, row.to}];
      edge.from = row.from;
      edge.to = row.to;
      edge.costs.push_back(std::move(cost));
    }
    for (auto& [names, edge] : edges) built_.problem.edges.push_back(std::move(edge));
    return absl::OkStatus();
  }

  absl::Status AddReferenceCost() {
    Costs& total = built_.reference_cost;
    std::map<std::string, Precision> assignment;
    for (size_t l = 0; l < inputs_.network.layers.size(); ++l) {
      const NetworkSummary::LayerFacts& layer = inputs_.network.layers[l];
      HT_ASSIGN_OR_RETURN(const Costs costs, CostsOf(layer, inputs_.reference, l == 0));
      for (const auto& [metric, cost] : costs) total[metric] += cost;
      assignment[layer.name] = inputs_.reference;
    }
    for (const EdgeRow& row : inputs_.costs.edges) {
      if (row.from_precision != inputs_.reference || row.to_precision != inputs_.reference)
        continue;
      total[Key(Metric::kLatency)] += row.latency_ns;
      if (row.energy_pj.has_value()) total[Key(Metric::kEnergy)] += *row.energy_pj;
    }
    double peak = 0;
    for (const LiveSet& set : built_.live_sets) peak = std::max(peak, set.Bytes(assignment));
    total[Key(Metric::kActivationMemory)] = peak;
    return absl::OkStatus();
  }

  absl::Status CheckHasCosts(Metric metric, absl::string_view what) const {
    if (built_.reference_cost.contains(Key(metric))) return absl::OkStatus();
    return NoCosts(inputs_.costs.target, metric, what);
  }

  absl::Status AddFrontier() {
    HT_RETURN_IF_ERROR(CheckFrontier(inputs_.spec.frontier));
    built_.problem.frontier = Key(inputs_.spec.frontier);
    HT_RETURN_IF_ERROR(
        AtField("frontier_metric", CheckHasCosts(inputs_.spec.frontier, "frontier")));
    HT_RETURN_IF_ERROR(
        AtField("frontier_metric", CheckCostsOf(built_.problem, built_.problem.frontier)));
    for (size_t i = 0; i < inputs_.spec.objectives.size(); ++i) {
      HT_RETURN_IF_ERROR(AtField(absl::StrCat("objectives[", i, "]"),
                                 CheckCostsOf(built_.problem, Key(inputs_.spec.objectives[i]))));
    }
    return absl::OkStatus();
  }

  absl::Status AddBudgets() {
    for (size_t i = 0; i < inputs_.spec.budgets.size(); ++i) {
      const Budget& budget = inputs_.spec.budgets[i];
      HT_RETURN_IF_ERROR(
          AtField(absl::StrCat("budgets[", i, "]"),
                  CheckHasCosts(budget.metric, absl::StrCat("budget '", budget.ToString(), "'"))));
      HT_ASSIGN_OR_RETURN(const ResolvedBudget resolved, Resolve(budget));
      const double limit = resolved.limit;
      built_.budgets.push_back(resolved);
      if (budget.metric == Metric::kActivationMemory) {
        built_.activation_budget = std::min(limit, built_.activation_budget.value_or(limit));
        continue;
      }
      const auto [found, inserted] = built_.problem.budgets.emplace(Key(budget.metric), limit);
      if (!inserted) found->second = std::min(found->second, limit);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ResolvedBudget> Resolve(const Budget& budget) {
    ResolvedBudget resolved{budget, budget.value};
    switch (budget.kind) {
      case Budget::Kind::kReference:
        resolved.reference_cost = built_.reference_cost[Key(budget.metric)];
        resolved.limit = budget.value * *resolved.reference_cost;
        break;
      case Budget::Kind::kShare: {
        HT_ASSIGN_OR_RETURN(const auto ends, RangeOf(budget.metric));
        resolved.cheapest = ends.first;
        resolved.dearest = ends.second;
        resolved.limit = ends.first + budget.value * (ends.second - ends.first);
        break;
      }
      case Budget::Kind::kAbsolute:
        break;
    }
    return resolved;
  }

  // The costs of the cheapest and of the dearest assignment.
  absl::StatusOr<std::pair<double, double>> RangeOf(Metric metric) {
    if (metric == Metric::kActivationMemory) return PeakRange();
    const std::string key = Key(metric);
    std::pair<double, double> ends = {0, 0};
    for (const std::vector<size_t>& group : Groups()) {
      double lowest = 0, highest = 0;
      for (size_t o = 0; o < inputs_.precisions.size(); ++o) {
        double cost = 0;
        for (const size_t l : group) {
          const Costs& costs = built_.problem.layers[l].choices[o].cost;
          const auto found = costs.find(key);
          if (found != costs.end()) cost += found->second;
        }
        lowest = o == 0 ? cost : std::min(lowest, cost);
        highest = o == 0 ? cost : std::max(highest, cost);
      }
      ends.first += lowest;
      ends.second += highest;
    }
    const bool edges_cost = metric == Metric::kLatency || metric == Metric::kEnergy;
    if (edges_cost && !built_.problem.edges.empty()) {
      HT_ASSIGN_OR_RETURN(ends.first, CheapestWithEdges(key, ends.first));
      ends.second = std::max(ends.second, ends.first);
    }
    return ends;
  }

  // What the solver says of a budget that cannot be met: the least achievable value.
  absl::StatusOr<double> CheapestWithEdges(const std::string& key, double without_edges) {
    Problem problem = built_.problem;
    problem.budgets = {{key, 0}};
    problem.frontier.clear();
    HT_ASSIGN_OR_RETURN(
        const Solution solution,
        Solve(problem, OptionsUntil(built_.deadline, kShareOfTime, progress_), progress_));
    if (!solution.infeasible.has_value()) return 0;
    const auto found = solution.infeasible->minimum.find(key);
    return found == solution.infeasible->minimum.end() ? without_edges : found->second;
  }

  absl::StatusOr<std::pair<double, double>> PeakRange() const {
    const auto bits = [](const Precision& a, const Precision& b) {
      return a.activations.bits < b.activations.bits;
    };
    const auto [low, high] =
        std::minmax_element(inputs_.precisions.begin(), inputs_.precisions.end(), bits);
    std::map<std::string, Precision> lowest, highest;
    for (const NetworkSummary::LayerFacts& layer : inputs_.network.layers) {
      lowest[layer.name] = *low;
      highest[layer.name] = *high;
    }
    std::pair<double, double> ends = {0, 0};
    for (const LiveSet& set : built_.live_sets) {
      ends.first = std::max(ends.first, set.Bytes(lowest));
      ends.second = std::max(ends.second, set.Bytes(highest));
    }
    return ends;
  }

  // Layers that must be chosen together, as indices.
  std::vector<std::vector<size_t>> Groups() const {
    std::map<std::string, std::vector<size_t>> groups;
    for (size_t l = 0; l < inputs_.network.layers.size(); ++l) {
      const NetworkSummary::LayerFacts& layer = inputs_.network.layers[l];
      const bool tied = inputs_.spec.use_ties && !layer.tie_group.empty();
      groups[tied ? absl::StrCat("tied/", layer.tie_group) : absl::StrCat("alone/", layer.name)]
          .push_back(l);
    }
    std::vector<std::vector<size_t>> lists;
    lists.reserve(groups.size());
    for (auto& [name, group] : groups) lists.push_back(std::move(group));
    return lists;
  }

  const ProblemInputs& inputs_;
  const Progress& progress_;
  BuiltProblem built_;
};

// ---- Peak activation memory --------------------------------------------------------------------

double BytesOf(const LiveSet& set, const Assignment& assignment) {
  std::map<std::string, Precision> precisions;
  for (const auto& [layer, elements] : set.elements) {
    const auto found = assignment.find(layer);
    if (found == assignment.end()) continue;
    const absl::StatusOr<Precision> precision = Precision::Parse(found->second);
    if (precision.ok()) precisions[layer] = *precision;
  }
  return set.Bytes(precisions);
}

std::string LiveSetKey(const LiveSet& set) { return LiveSetMetric{set.node}.Key(); }

// Adds a live set as a metric with the given limit.
absl::Status AddLiveSet(const LiveSet& set, double limit, Problem& problem) {
  const std::string key = LiveSetKey(set);
  // Values that no layer stores count with the first layer, like the latency that no choice
  // changes.
  double fixed = set.fixed_bytes;
  for (Problem::Layer& layer : problem.layers) {
    const auto elements = set.elements.find(layer.name);
    for (Problem::Choice& choice : layer.choices) {
      HT_ASSIGN_OR_RETURN(const Precision precision, Precision::Parse(choice.name));
      const double own =
          elements == set.elements.end() ? 0 : elements->second * ActivationBytes(precision);
      if (own + fixed > 0) choice.cost[key] = own + fixed;
    }
    fixed = 0;
  }
  problem.budgets[key] = limit;
  return absl::OkStatus();
}

// The live set that an answer exceeds by most; nullptr if none.
const LiveSet* WorstLiveSet(const BuiltProblem& built, const Assignment& assignment) {
  const double limit = *built.activation_budget;
  const LiveSet* worst = nullptr;
  double most = limit * (1 + 1e-9);
  for (const LiveSet& set : built.live_sets) {
    const double bytes = BytesOf(set, assignment);
    if (bytes <= most || built.problem.budgets.contains(LiveSetKey(set))) continue;
    worst = &set;
    most = bytes;
  }
  return worst;
}

const LiveSet* WorstLiveSet(const BuiltProblem& built, const Solution& solution) {
  if (!built.activation_budget.has_value()) return nullptr;
  if (solution.status == Solution::Status::kInfeasible) return nullptr;
  if (const LiveSet* set = WorstLiveSet(built, solution.assignment); set != nullptr) return set;
  for (const FrontierPoint& point : solution.frontier) {
    if (const LiveSet* set = WorstLiveSet(built, point.assignment); set != nullptr) return set;
  }
  return nullptr;
}

void AddPeaks(const std::vector<LiveSet>& sets, Solution& solution) {
  const std::string key = Key(Metric::kActivationMemory);
  if (solution.status != Solution::Status::kInfeasible) {
    solution.cost[key] = PeakActivationBytes(sets, solution.assignment);
  }
  for (FrontierPoint& point : solution.frontier) {
    point.cost[key] = PeakActivationBytes(sets, point.assignment);
  }
  if (!solution.infeasible.has_value()) return;
  Solution::Infeasible& infeasible = *solution.infeasible;
  infeasible.nearest.cost[key] = PeakActivationBytes(sets, infeasible.nearest.assignment);
  // The user's budget is one, on the peak.
  const auto is_live_set = [](const std::string& metric) {
    return LiveSetMetric::FromKey(metric).has_value();
  };
  // How far one of them would have to be raised does not say how far the peak would.
  std::erase_if(infeasible.relaxations,
                [&](const auto& relaxation) { return is_live_set(relaxation.first); });
  const Costs minimum = infeasible.minimum;
  for (const auto& [metric, value] : minimum) {
    if (!is_live_set(metric)) continue;
    infeasible.minimum[key] = std::max(infeasible.minimum[key], value);
    infeasible.minimum.erase(metric);
  }
  if (std::erase_if(infeasible.conflict, is_live_set) > 0) infeasible.conflict.push_back(key);
}

}  // namespace

absl::StatusOr<BuiltProblem> BuildProblem(const ProblemInputs& inputs, const Progress& progress) {
  return ProblemBuilder(inputs, progress).Build();
}

Precision ChooseReference(bool supports_float32, const std::vector<Precision>& offered) {
  if (supports_float32 || offered.empty()) return Precision::Float32();
  return *std::max_element(offered.begin(), offered.end(),
                           [](const Precision& a, const Precision& b) {
                             return std::make_pair(a.weights.bits, a.activations.bits) <
                                    std::make_pair(b.weights.bits, b.activations.bits);
                           });
}

double PeakActivationBytes(const std::vector<LiveSet>& sets, const Assignment& assignment) {
  double peak = 0;
  for (const LiveSet& set : sets) peak = std::max(peak, BytesOf(set, assignment));
  return peak;
}

absl::StatusOr<Solution> SolveWithLiveSets(BuiltProblem& built, const Progress& progress) {
  // An answer that exceeds a live set is not the last one.
  const double share = built.activation_budget.has_value() ? kShareOfTime : 1;
  while (true) {
    const SolveOptions options = OptionsUntil(built.deadline, share, progress);
    HT_ASSIGN_OR_RETURN(Solution solution, Solve(built.problem, options, progress));
    const LiveSet* worst = WorstLiveSet(built, solution);
    if (worst == nullptr) {
      if (solution.status != Solution::Status::kInfeasible) {
        HT_RETURN_IF_ERROR(CheckSolution(built.problem, solution));
      }
      AddPeaks(built.live_sets, solution);
      return solution;
    }
    if (built.problem.budgets.size() >= kMaxBudgets) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the activation-memory budget binds at more than ", kMaxBudgets,
                       " places of the network at once"));
    }
    if (progress.cancellation.clock().Now() >= built.deadline) {
      return absl::DeadlineExceededError(
          "no assignment within the activation-memory budget was found in the time limit");
    }
    HT_RETURN_IF_ERROR(AddLiveSet(*worst, *built.activation_budget, built.problem));
  }
}

}  // namespace halftone
