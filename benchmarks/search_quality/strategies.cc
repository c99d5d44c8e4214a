#include "benchmarks/search_quality/strategies.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "search/refine/choice_space.h"
#include "search/refine/pair_rows.h"
#include "search/refine/refine.h"
#include "search/solver/solver.h"

namespace halftone {
namespace {

using Losses = std::vector<std::vector<double>>;

Problem WithLosses(Problem problem, const Losses& losses) {
  for (size_t l = 0; l < losses.size(); ++l) {
    for (size_t o = 0; o < losses[l].size(); ++o) problem.layers[l].choices[o].loss = losses[l][o];
  }
  return problem;
}

absl::StatusOr<Assignment> OptimumOf(const Problem& problem) {
  HT_ASSIGN_OR_RETURN(const Solution solution,
                      Solve(problem, {.time_limit = absl::Seconds(60)}, {}));
  if (solution.status == Solution::Status::kInfeasible) {
    return absl::NotFoundError("nothing is within the budget");
  }
  return solution.assignment;
}

// The proven optimum of a method's losses.
template <SensitivityMethod kMethod>
absl::StatusOr<Assignment> Separable(const StrategyInput& input) {
  HT_ASSIGN_OR_RETURN(const Losses losses, input.subject.Losses(kMethod));
  return OptimumOf(WithLosses(input.problem, losses));
}

// The proven optimum of the Fisher diagonal, which the default estimator begins with.
absl::StatusOr<Assignment> Diagonal(const StrategyInput& input) {
  HT_ASSIGN_OR_RETURN(const SensitivityResult* sensitivity,
                      input.subject.Sensitivity(SensitivityMethod::kFisherCorrected));
  return OptimumOf(WithLosses(input.problem, SecondOrderLosses(*sensitivity).losses));
}

// Keeps the choices of the layers that `keep` takes.
void KeepChoices(Problem& problem, const std::function<bool(const Layer&, const Precision&)>& keep,
                 const Subject& subject) {
  for (size_t l = 0; l < problem.layers.size(); ++l) {
    const Layer& layer = subject.network().layers.layers[l];
    std::erase_if(problem.layers[l].choices, [&](const Problem::Choice& choice) {
      return !keep(layer, *Precision::Parse(choice.name));
    });
  }
}

// HAWQ's losses speak of weights alone. Where activations cost nothing they have 8 bits; under a
// budget of operations weights and activations have equal bits, as in HAWQ-V3. Products of two
// activations, of which HAWQ says nothing, have 8 bits unless they are tied to layers with weights.
template <SensitivityMethod kMethod>
absl::StatusOr<Assignment> Hawq(const StrategyInput& input) {
  HT_ASSIGN_OR_RETURN(const Losses losses, input.subject.Losses(kMethod));
  Problem own = WithLosses(input.problem, losses);
  const bool operations = input.problem.budgets.contains("bops");
  KeepChoices(
      own,
      [&](const Layer&, const Precision& precision) {
        return operations ? precision.weights == precision.activations
                          : precision.activations.bits == 8;
      },
      input.subject);
  for (const Layer& layer : input.subject.network().layers.layers) {
    if (layer.weights.empty() && layer.tie_group == layer.name) own.pins[layer.name] = "w8a8";
  }
  return OptimumOf(own);
}

// The answer by the default estimator with its pairs' losses times a weight: mostly the optimum,
// else what is found in some seconds.
absl::StatusOr<Assignment> Matrix(const StrategyInput& input, double weight) {
  HT_ASSIGN_OR_RETURN(const std::vector<float> gram, input.subject.Pairs());
  Problem problem = input.problem;
  HT_ASSIGN_OR_RETURN(problem.interaction_rows, FactorPairs(problem, gram, {}));
  if (!problem.interaction_rows.has_value()) {
    return absl::InternalError("the losses of pairs are not positive semi-definite");
  }
  problem.interaction_rows->weight = weight;
  HT_ASSIGN_OR_RETURN(const Solution solution, Solve(problem, {.time_limit = absl::Seconds(5)}));
  return solution.assignment;
}

absl::StatusOr<Assignment> MatrixWhole(const StrategyInput& input) { return Matrix(input, 1); }

absl::StatusOr<Assignment> MatrixHalf(const StrategyInput& input) { return Matrix(input, 0.5); }

absl::StatusOr<Assignment> Refined(const StrategyInput& input) {
  HT_ASSIGN_OR_RETURN(const Assignment optimum,
                      Separable<SensitivityMethod::kFisherCorrected>(input));
  HT_ASSIGN_OR_RETURN(const SensitivityResult* sensitivity,
                      input.subject.Sensitivity(SensitivityMethod::kFisherCorrected));
  HT_ASSIGN_OR_RETURN(const std::vector<float> pairs, input.subject.Pairs());
  RefineRequest request{input.problem, optimum, {SecondOrderLosses(*sensitivity)}, pairs};
  request.evaluations = input.evaluations;
  request.score = [&](const Assignment& assignment) {
    return input.subject.calibration_meter().ScoreOf(assignment);
  };
  const DivergenceFunction measure = input.subject.calibration_meter().AsFunction();
  HT_ASSIGN_OR_RETURN(const Refinement refinement, Refine(request, measure, {}));
  return refinement.assignment;
}

absl::StatusOr<double> CalibrationDivergence(const StrategyInput& input,
                                             const Assignment& assignment) {
  return input.subject.calibration_meter().Measure(assignment, {});
}

// One precision for all layers: of those within the budget, the one that does least on the
// calibration samples.
absl::StatusOr<Assignment> Uniform(const StrategyInput& input) {
  HT_ASSIGN_OR_RETURN(const ChoiceSpace space, ChoiceSpace::Create(input.problem));
  std::optional<std::pair<double, Assignment>> best;
  for (const Problem::Choice& choice : input.problem.layers[0].choices) {
    Assignment assignment;
    for (const Problem::Layer& layer : input.problem.layers) assignment[layer.name] = choice.name;
    HT_ASSIGN_OR_RETURN(const Selection selection, space.SelectionOf(assignment));
    if (!space.IsFeasible(selection)) continue;
    HT_ASSIGN_OR_RETURN(const double divergence, CalibrationDivergence(input, assignment));
    if (!best.has_value() || divergence < best->first) best = {divergence, assignment};
  }
  if (!best.has_value()) return absl::NotFoundError("no uniform precision is within the budget");
  return best->second;
}

// From 8 bits everywhere, the change to a cheaper precision of one layer that does least when it is
// made alone, in that order, until the budget is kept (AIMET's automatic mixed precision, whose
// accuracy list is of single layers).
absl::StatusOr<Assignment> Greedy(const StrategyInput& input) {
  HT_ASSIGN_OR_RETURN(const Losses losses, input.subject.Losses(SensitivityMethod::kOutput));
  const Problem own = WithLosses(input.problem, losses);
  HT_ASSIGN_OR_RETURN(const ChoiceSpace space, ChoiceSpace::Create(own));
  const std::vector<double> loss = LossesOfColumns(space);
  Selection selection;
  for (size_t v = 0; v < space.variables(); ++v)
    selection.push_back(space.ChoiceOf(space.End(v) - 1));
  std::vector<size_t> order;
  for (size_t column = 0; column < space.columns(); ++column) order.push_back(column);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return loss[a] < loss[b]; });
  const auto cost = [&](size_t v, ChoiceIndex choice) {
    return space.compact().Value(static_cast<int>(v), choice)[1];
  };
  for (const size_t column : order) {
    if (space.IsFeasible(selection)) break;
    const size_t v = space.VariableOf(column);
    if (cost(v, space.ChoiceOf(column)) < cost(v, selection[v]))
      selection[v] = space.ChoiceOf(column);
  }
  if (!space.IsFeasible(selection)) return absl::NotFoundError("nothing is within the budget");
  return space.AssignmentOf(selection);
}

// Draws assignments that use up the budget: random choices, lowered at random until they keep it,
// then raised at random while they do.
class RandomAssignments {
 public:
  RandomAssignments(const ChoiceSpace& space, uint64_t seed) : space_(space), random_(seed) {}

  Selection Draw() {
    Selection selection;
    for (size_t v = 0; v < space_.variables(); ++v) selection.push_back(DrawChoice(v));
    while (!space_.IsFeasible(selection)) {
      const size_t v = DrawVariable();
      const ChoiceIndex choice = DrawChoice(v);
      if (Cost(v, choice) <= Cost(v, selection[v])) selection[v] = choice;
    }
    for (size_t i = 0; i < 20 * space_.variables(); ++i) {
      const size_t v = DrawVariable();
      Selection raised = selection;
      raised[v] = DrawChoice(v);
      if (IsWider(v, raised[v], selection[v]) && space_.IsFeasible(raised)) selection = raised;
    }
    return selection;
  }

 private:
  size_t DrawVariable() {
    return static_cast<size_t>(random_.Uniform() * static_cast<double>(space_.variables()));
  }
  ChoiceIndex DrawChoice(size_t v) {
    const auto choices = static_cast<double>(space_.End(v) - space_.Begin(v));
    return static_cast<ChoiceIndex>(random_.Uniform() * choices);
  }
  double Cost(size_t v, ChoiceIndex choice) const {
    return space_.compact().Value(static_cast<int>(v), choice)[1];
  }
  bool IsWider(size_t v, ChoiceIndex a, ChoiceIndex b) const {
    const Precision wide = *Precision::Parse(space_.NameOf(space_.ColumnOf(v, a)));
    const Precision narrow = *Precision::Parse(space_.NameOf(space_.ColumnOf(v, b)));
    return wide.weights.bits >= narrow.weights.bits &&
           wide.activations.bits >= narrow.activations.bits;
  }

  const ChoiceSpace& space_;
  SplitMix64 random_;
};

// The best of many random assignments, picked as a user would who can only run them: by their
// divergence on a quarter of the calibration samples, the best twentieth by that on all.
absl::StatusOr<Assignment> BestOfRandom(const StrategyInput& input) {
  HT_ASSIGN_OR_RETURN(const ChoiceSpace space, ChoiceSpace::Create(input.problem));
  RandomAssignments random(space, /*seed=*/1);
  std::vector<std::pair<double, Assignment>> drawn;
  for (int i = 0; i < input.random_assignments; ++i) {
    Assignment assignment = space.AssignmentOf(random.Draw());
    HT_ASSIGN_OR_RETURN(const double divergence,
                        input.subject.quarter_meter().Measure(assignment, {}));
    drawn.emplace_back(divergence, std::move(assignment));
  }
  std::stable_sort(drawn.begin(), drawn.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  drawn.resize(std::max<size_t>(1, drawn.size() / 20));
  for (auto& [divergence, assignment] : drawn) {
    HT_ASSIGN_OR_RETURN(divergence, CalibrationDivergence(input, assignment));
  }
  return std::min_element(drawn.begin(), drawn.end())->second;
}

}  // namespace

const std::vector<Strategy>& AllStrategies() {
  static const auto* strategies = new std::vector<Strategy>{
      {"HAWQ-V2 ILP", &Hawq<SensitivityMethod::kHawqV2>},
      {"HAWQ-V3 ILP", &Hawq<SensitivityMethod::kHawqV3>},
      {"ModelOpt-like ILP", &Separable<SensitivityMethod::kFisherElementwise>},
      {"diagonal ILP", &Diagonal},
      {"single-layer ILP", &Separable<SensitivityMethod::kOutput>},
      {"corrected ILP", &Separable<SensitivityMethod::kFisherCorrected>},
      {"matrix x1", &MatrixWhole},
      {"matrix x1/2", &MatrixHalf},
      {"uniform", &Uniform},
      {"greedy", &Greedy},
      {"best of random", &BestOfRandom},
      {"refined", &Refined}};
  return *strategies;
}

}  // namespace halftone
