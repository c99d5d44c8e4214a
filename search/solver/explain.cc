#include "search/solver/explain.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/infinity.h"
#include "base/status_macros.h"
#include "search/solver/compile.h"
#include "search/solver/elimination.h"
#include "search/solver/exact.h"
#include "search/solver/lagrangian.h"
#include "search/solver/next_step.h"
#include "search/solver/stop.h"

namespace halftone {
namespace {

// A loss is smaller when it is so by more than this share: not by rounding. Here a loss is always
// what is minimized: with objective weights, the objective.
constexpr double kSmaller = 1e-9;
// Of the time that is left, what one solve may take.
constexpr double kShareOfTime = 0.25;

class Explainer {
 public:
  Explainer(const CompiledProblem& compiled, const Solution& solution, CompactProblem compact,
            Selection selection, const ExplainOptions& options, Stop& stop)
      : compiled_(compiled),
        solution_(solution),
        compact_(std::move(compact)),
        selection_(std::move(selection)),
        options_(options),
        stop_(stop) {
    explanation_.near_share = options.near_share;
    minimized_ = solution.AsPoint().Minimized();
    smaller_ = minimized_ - kSmaller * std::abs(minimized_);
  }

  Explanation Run(const Progress& progress) {
    FindMultipliers();
    for (size_t k = 0; k < compiled_.limits().size(); ++k) ExplainLimit(k);
    const std::vector<int> order = ByLeastIncrease();
    for (size_t i = 0; i < order.size(); ++i) {
      if (stop_()) {
        explanation_.is_complete = false;
        break;
      }
      if (progress.report) {
        progress.report(static_cast<double>(i) / static_cast<double>(order.size()),
                        "looking for the next best choices");
      }
      ExplainVariable(order[i]);
    }
    const auto rank = [](const Explanation::Alternative& alternative) {
      return std::pair(alternative.choice.empty(), alternative.loss_increase);
    };
    std::stable_sort(explanation_.alternatives.begin(), explanation_.alternatives.end(),
                     [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return std::move(explanation_);
  }

 private:
  // No single solve takes all the time that there is for the others.
  ExactResult SolveInTime(const CompactProblem& problem, Incumbent start = {}) {
    const SteadyTime now = stop_.Now();
    Stop share(stop_.cancellation(),
               std::min(stop_.deadline(), now + kShareOfTime * (stop_.deadline() - now)));
    return SolveExactly(problem, Goal::kLoss, share, std::move(start));
  }

  // With cross terms, of the loss as it changes with one variable.
  void FindMultipliers() {
    separable_ = compact_;
    separable_.cross = nullptr;
    if (compact_.cross != nullptr) AddCrossAround();
    const Elimination elimination = Elimination::Plan(separable_);
    const Extremes extremes = ExtremesOf(separable_);
    LagrangianOptions options;
    options.penalty = 1e6 * std::max(extremes.most[0] - extremes.least[0], 1e-300);
    weights_ = MaximizeLagrangian(separable_, elimination, options, stop_, [](const Selection&) {
               }).weights;
  }

  // What each choice loses with the present choices of all other variables.
  void AddCrossAround() {
    const CrossLosses& cross = *compact_.cross;
    for (size_t v = 0; v < selection_.size(); ++v) {
      for (size_t o = 0; o < size_t(compact_.choices[v]); ++o) {
        const double* row = cross.Row(cross.first[v] + o);
        double& loss = separable_.values[v][o * size_t(compact_.components)];
        for (size_t w = 0; w < selection_.size(); ++w) {
          if (w != v) loss += row[cross.first[w] + size_t(selection_[w])];
        }
      }
    }
  }

  // All components but that of limit k.
  std::vector<size_t> ComponentsWithout(size_t k) const {
    std::vector<size_t> components;
    for (size_t c = 0; c < static_cast<size_t>(compact_.components); ++c) {
      if (c != k + 1) components.push_back(c);
    }
    return components;
  }

  void ExplainLimit(size_t k) {
    const auto& [metric, value] = compiled_.limits()[k];
    Explanation::Limit limit;
    limit.metric = metric;
    limit.limit = value;
    const auto used = solution_.cost.find(metric);
    limit.used = used == solution_.cost.end() ? 0 : used->second;
    limit.slack = limit.limit - limit.used;
    limit.marginal_value =
        std::max(0.0, weights_[k + 1] / ScaleOf(compiled_.problem(), metric, value));
    const ExactResult without =
        SolveInTime(SelectComponents(compact_, ComponentsWithout(k)), {loss(), selection_});
    const double loss_without = compiled_.ToPoint(without.incumbent.selection).Minimized();
    limit.binds = loss_without < smaller_;
    if (without.proven) {
      limit.loss_without = loss_without;
    } else {
      explanation_.is_complete = false;
    }
    if (limit.binds) AddNextStep(k, without.incumbent.selection, limit);
    explanation_.limits.push_back(std::move(limit));
  }

  // The least value of limit k within which less loss can be had; `larger` is a selection with less
  // loss.
  void AddNextStep(size_t k, const Selection& larger, Explanation::Limit& limit) {
    const SteadyTime now = stop_.Now();
    Stop share(stop_.cancellation(), now + kShareOfTime * (stop_.deadline() - now));
    const NextStep step = FindNextStep(
        {compact_, k, selection_, solution_.status == Solution::Status::kOptimal, smaller_, larger},
        share);
    if (!step.is_proven) explanation_.is_complete = false;
    const FrontierPoint point = compiled_.ToPoint(step.selection);
    limit.next_limit = point.cost.at(limit.metric);
    limit.next_loss = point.Minimized();
    if (step.is_proven) {
      limit.next_limit_bound = limit.next_limit;
    } else if (std::isfinite(step.cost_bound)) {
      const double scale = ScaleOf(compiled_.problem(), limit.metric, limit.limit);
      limit.next_limit_bound = std::min(step.cost_bound * scale, *limit.next_limit);
    }
  }

  // Variables with a choice, by the increase of the relaxed problem when they choose otherwise,
  // pairs aside.
  std::vector<int> ByLeastIncrease() const {
    std::vector<std::pair<double, int>> ranked;
    for (int v = 0; v < compact_.variables(); ++v) {
      double least = kInfinity, chosen = 0;
      for (ChoiceIndex o = 0; o < compact_.choices[size_t(v)]; ++o) {
        const double* value = separable_.Value(v, o);
        const double sum = std::inner_product(weights_.begin(), weights_.end(), value, 0.0);
        if (o == selection_[size_t(v)]) {
          chosen = sum;
        } else {
          least = std::min(least, sum);
        }
      }
      if (compact_.choices[size_t(v)] > 1) ranked.emplace_back(least - chosen, v);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<int> order;
    for (const auto& [increase, v] : ranked) order.push_back(v);
    return order;
  }

  void ExplainVariable(int v) {
    std::vector<std::vector<char>> keep;
    for (const int choices : compact_.choices) keep.emplace_back(static_cast<size_t>(choices), 1);
    const ChoiceIndex chosen = selection_[size_t(v)];
    keep[size_t(v)][size_t(chosen)] = 0;
    const ReducedProblem reduced = Reduce(compact_, keep);
    const ExactResult result = SolveInTime(reduced.problem);
    if (!result.proven) explanation_.is_complete = false;
    if (!result.proven && !result.incumbent.found()) return;
    Explanation::Alternative alternative;
    for (const auto& [layer, choice] : compiled_.PlacesOf(v, chosen)) {
      const Problem::Layer& named = compiled_.problem().layers[size_t(layer)];
      alternative.layers.push_back(named.name);
      alternative.chosen = named.choices[size_t(choice)].name;
    }
    alternative.is_proven = result.proven;
    if (result.incumbent.found()) {
      const Selection selection = reduced.Expand(result.incumbent.selection);
      Compare(selection, alternative);
      alternative.choice = alternative.changes.at(alternative.layers[0]);
    }
    explanation_.alternatives.push_back(std::move(alternative));
  }

  void Compare(const Selection& selection, Explanation::Alternative& alternative) const {
    FrontierPoint point = compiled_.ToPoint(selection);
    alternative.loss_increase = point.Minimized() - minimized_;
    alternative.cost = std::move(point.cost);
    std::optional<double> variance = 0;
    for (const Problem::Layer& layer : compiled_.problem().layers) {
      const std::string& before = solution_.assignment.at(layer.name);
      const std::string& after = point.assignment.at(layer.name);
      if (before == after) continue;
      alternative.changes.emplace(layer.name, after);
      for (const Problem::Choice& choice : layer.choices) {
        if (choice.name != before && choice.name != after) continue;
        const std::optional<double> error = choice.loss_stderr;
        if (!error.has_value()) {
          variance.reset();
        } else if (variance.has_value()) {
          *variance += *error * *error;
        }
      }
    }
    if (variance.has_value()) alternative.loss_stderr = std::sqrt(*variance);
    const double share = options_.near_share * std::abs(minimized_);
    alternative.is_near =
        alternative.loss_increase <= std::max(share, alternative.loss_stderr.value_or(0));
  }

  double loss() const { return compact_.Evaluate(selection_)[0]; }

  const CompiledProblem& compiled_;
  const Solution& solution_;
  const CompactProblem compact_;
  const Selection selection_;
  const ExplainOptions& options_;
  Stop& stop_;
  double minimized_ = 0;         // of the solution
  double smaller_ = 0;           // what is below saves something
  CompactProblem separable_;     // without cross terms
  std::vector<double> weights_;  // of the loss and the limits, in the relaxed problem
  Explanation explanation_;
};

}  // namespace

absl::StatusOr<Explanation> Explain(const Problem& problem, const Solution& solution,
                                    const ExplainOptions& options, const Progress& progress) {
  if (solution.status == Solution::Status::kInfeasible) return Explanation();
  const SteadyClock& clock = progress.cancellation.clock();
  const SteadyTime start = clock.Now();
  Stop stop(progress.cancellation, start + options.time_limit);
  HT_ASSIGN_OR_RETURN(const CompiledProblem compiled, CompiledProblem::Create(problem));
  HT_ASSIGN_OR_RETURN(CompactProblem compact, compiled.Compact(compiled.limits()));
  HT_ASSIGN_OR_RETURN(Selection selection, compiled.ToSelection(solution.assignment));
  Explanation explanation =
      Explainer(compiled, solution, std::move(compact), std::move(selection), options, stop)
          .Run(progress);
  explanation.seconds = absl::ToDoubleSeconds(clock.Now() - start);
  return explanation;
}

}  // namespace halftone
