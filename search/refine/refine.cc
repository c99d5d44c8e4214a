#include "search/refine/refine.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/refine/choice_space.h"
#include "search/refine/loss_model.h"
#include "search/refine/model_search.h"
#include "search/refine/pair_rows.h"
#include "search/solver/compile.h"
#include "search/solver/solver.h"

namespace halftone {
namespace {

// The weights of the pairs' losses with which candidates are searched.
constexpr double kPairWeights[] = {1, 0.5, 0.25};
// For one answer with the pairs' losses; what is found first is mostly the optimum.
constexpr absl::Duration kJointTime = absl::Seconds(5);
// Predicted-best neighbours among which the next assignment is chosen.
constexpr size_t kNeighbours = 64;
// How many standard errors an assignment may be better than predicted, when the next is chosen.
constexpr double kOptimism = 0.5;

constexpr char kOptimum[] = "optimum";
constexpr char kUniform[] = "uniform";
constexpr char kNeighbour[] = "neighbour";

class Refiner {
 public:
  Refiner(const RefineRequest& request, const DivergenceFunction& measure, ChoiceSpace space,
          PairLosses pairs, const Progress& progress)
      : request_(request),
        measure_(measure),
        progress_(progress),
        space_(std::move(space)),
        pairs_(std::move(pairs)),
        model_(space_, pairs_, LossesOfColumns(space_), pairs_.empty() ? 0 : kPairWeights[1]) {}

  absl::StatusOr<Refinement> Run() {
    HT_RETURN_IF_ERROR(EvaluateCandidates());
    while (!IsSpent()) {
      HT_RETURN_IF_ERROR(progress_.cancellation.Check());
      model_.Learn(trials_);
      const std::optional<Selection> next = MostPromising();
      if (!next.has_value()) break;  // the evaluations that are left stay unspent
      HT_RETURN_IF_ERROR(Evaluate(kNeighbour, *next));
    }
    HT_RETURN_IF_ERROR(progress_.Step(1));
    return Finish();
  }

 private:
  bool IsSpent() const { return static_cast<int>(trials_.size()) >= request_.evaluations; }

  bool IsAllowed(const Selection& selection) const {
    return !request_.is_allowed || request_.is_allowed(space_.AssignmentOf(selection));
  }

  absl::Status EvaluateCandidates() {
    HT_ASSIGN_OR_RETURN(const Selection optimum, space_.SelectionOf(request_.optimum));
    if (!space_.IsFeasible(optimum)) {
      return absl::InvalidArgumentError("the optimum to refine is not within the budgets");
    }
    HT_RETURN_IF_ERROR(Evaluate(kOptimum, optimum));
    for (const NamedLosses& estimate : request_.estimates) {
      HT_ASSIGN_OR_RETURN(const std::optional<Selection> other, OptimumOf(estimate));
      if (other.has_value()) HT_RETURN_IF_ERROR(EvaluateNew(estimate.name, *other));
    }
    if (!pairs_.empty()) HT_RETURN_IF_ERROR(EvaluateJointOptima(optimum));
    if (const std::optional<Selection> uniform = BestUniform(); uniform.has_value()) {
      HT_RETURN_IF_ERROR(EvaluateNew(kUniform, *uniform));
    }
    return absl::OkStatus();
  }

  absl::Status EvaluateJointOptima(const Selection& optimum) {
    Problem problem = request_.problem;
    problem.frontier.clear();
    HT_ASSIGN_OR_RETURN(problem.interaction_rows,
                        FactorPairs(problem, request_.pairs, progress_.cancellation));
    for (const double weight : kPairWeights) {
      std::optional<Selection> joint;
      if (problem.interaction_rows.has_value()) {
        problem.interaction_rows->weight = weight;
        HT_ASSIGN_OR_RETURN(std::optional<Solution> solution,
                            Answer(problem, std::min(request_.time_limit, kJointTime)));
        if (solution.has_value()) {
          HT_ASSIGN_OR_RETURN(joint, space_.SelectionOf(solution->assignment));
          joint_optima_.push_back({weight, *std::move(solution)});
        }
      }
      if (!joint.has_value()) {
        const LossModel weighted(space_, pairs_, LossesOfColumns(space_), weight);
        joint = ModelSearch(space_, pairs_, weighted).Descend(optimum, progress_.cancellation);
      }
      HT_RETURN_IF_ERROR(EvaluateNew(absl::StrCat("interactions x", weight), *joint));
    }
    return absl::OkStatus();
  }

  // Nothing where the time does not suffice for an answer, or there is none.
  absl::StatusOr<std::optional<Solution>> Answer(const Problem& problem,
                                                 absl::Duration time_limit) const {
    SolveOptions options;
    options.time_limit = time_limit;
    Progress silent;
    silent.cancellation = progress_.cancellation;
    absl::StatusOr<Solution> solution = Solve(problem, options, silent);
    HT_RETURN_IF_ERROR(progress_.cancellation.Check());
    if (absl::IsDeadlineExceeded(solution.status())) return std::nullopt;
    HT_RETURN_IF_ERROR(solution.status());
    if (solution->status == Solution::Status::kInfeasible) return std::nullopt;
    return *std::move(solution);
  }

  // The answer by other losses, or nothing where the time does not suffice for one.
  absl::StatusOr<std::optional<Selection>> OptimumOf(const NamedLosses& estimate) const {
    Problem problem = request_.problem;
    problem.frontier.clear();
    bool fits = estimate.losses.size() == problem.layers.size();
    for (size_t l = 0; l < problem.layers.size() && fits; ++l) {
      fits = estimate.losses[l].size() == problem.layers[l].choices.size();
      for (size_t o = 0; o < problem.layers[l].choices.size() && fits; ++o) {
        problem.layers[l].choices[o].loss = estimate.losses[l][o];
      }
    }
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("the estimate '", estimate.name, "' is of other choices"));
    }
    HT_ASSIGN_OR_RETURN(const auto solution, Answer(problem, request_.time_limit));
    if (!solution.has_value()) return std::nullopt;
    return space_.SelectionOf(solution->assignment);
  }

  // Of the assignments that give every variable a choice of one name and keep the budgets, the one
  // that is predicted best.
  std::optional<Selection> BestUniform() const {
    std::optional<Selection> best;
    for (size_t first = space_.Begin(0); first < space_.End(0); ++first) {
      Selection selection;
      for (size_t v = 0; v < space_.variables(); ++v) {
        for (size_t column = space_.Begin(v); column < space_.End(v); ++column) {
          if (space_.NameOf(column) == space_.NameOf(first)) {
            selection.push_back(space_.ChoiceOf(column));
          }
        }
      }
      if (selection.size() != space_.variables() || !space_.IsFeasible(selection)) continue;
      if (!best.has_value() || model_.Predict(selection) < model_.Predict(*best)) best = selection;
    }
    return best;
  }

  // The one that may be best of those near the best so far; where all of these are evaluated, near
  // the next best that has others. Nothing where none has.
  std::optional<Selection> MostPromising() const {
    const ModelSearch search(space_, pairs_, model_);
    std::vector<std::pair<double, size_t>> best;  // of each trial, what it is held to do
    for (size_t i = 0; i < trials_.size(); ++i) best.emplace_back(Believed(trials_[i]), i);
    std::sort(best.begin(), best.end());
    std::optional<Selection> next = MostPromisingOf(NearTheBest(search, best));
    for (size_t i = 0; i < best.size() && !next.has_value(); ++i) {
      next = MostPromisingOf(
          search.Neighbours(trials_[best[i].second].selection, kNeighbours + seen_.size()));
    }
    return next;
  }

  // The neighbours of the best so far, what the model's descents from the best two reach, and the
  // neighbours of the first of these. `best`: the trials' numbers, the best first.
  std::vector<Selection> NearTheBest(const ModelSearch& search,
                                     const std::vector<std::pair<double, size_t>>& best) const {
    std::vector<Selection> candidates =
        search.Neighbours(trials_[best[0].second].selection, kNeighbours);
    for (size_t i = 0; i < std::min<size_t>(2, best.size()); ++i) {
      Selection reached = search.Descend(trials_[best[i].second].selection, progress_.cancellation);
      if (i == 0) {
        for (Selection& neighbour : search.Neighbours(reached, kNeighbours)) {
          candidates.push_back(std::move(neighbour));
        }
      }
      candidates.push_back(std::move(reached));
    }
    return candidates;
  }

  std::optional<Selection> MostPromisingOf(const std::vector<Selection>& candidates) const {
    std::optional<Selection> chosen;
    double least = 0;
    for (const Selection& candidate : candidates) {
      if (seen_.contains(candidate)) continue;
      const double promise =
          model_.Predict(candidate) - kOptimism * model_.StandardError(candidate);
      if (chosen.has_value() && promise >= least) continue;
      if (!IsAllowed(candidate)) continue;
      chosen = candidate;
      least = promise;
    }
    return chosen;
  }

  absl::Status EvaluateNew(const std::string& source, const Selection& selection) {
    if (IsSpent() || seen_.contains(selection) || !IsAllowed(selection)) return absl::OkStatus();
    return Evaluate(source, selection);
  }

  absl::Status Evaluate(const std::string& source, const Selection& selection) {
    seen_.insert(selection);
    const auto done = static_cast<double>(trials_.size());
    const Progress part =
        progress_.Part(done / request_.evaluations, (done + 1) / request_.evaluations);
    HT_RETURN_IF_ERROR(part.Step(0, Detail()));
    Progress named;
    named.cancellation = part.cancellation;
    named.report = [&](double fraction, absl::string_view) {
      if (part.report) part.report(fraction, Detail());
    };
    Refinement::Evaluated evaluated;
    evaluated.source = source;
    evaluated.predicted = model_.Predict(selection);
    HT_ASSIGN_OR_RETURN(evaluated.divergence, measure_(space_.AssignmentOf(selection), named));
    HT_ASSIGN_OR_RETURN(Score score, ScoreOf(selection, evaluated.divergence));
    trials_.push_back({selection, score.value, std::move(score.parts)});
    evaluated_.push_back(std::move(evaluated));
    return absl::OkStatus();
  }

  absl::StatusOr<Score> ScoreOf(const Selection& selection, double divergence) const {
    if (request_.score) return request_.score(space_.AssignmentOf(selection));
    return Score{divergence, {}};
  }

  // What the trial is held to do.
  double Believed(const Trial& trial) const {
    return request_.score ? model_.Predict(trial.selection) : trial.divergence;
  }

  std::string Detail() const {
    std::string detail =
        absl::StrCat("evaluation ", trials_.size() + 1, " of ", request_.evaluations);
    if (!trials_.empty()) absl::StrAppend(&detail, ", best ", evaluated_[BestTrial()].divergence);
    return detail;
  }

  // The first is the optimum.
  size_t BestTrial() const {
    size_t best = 0;
    double least = Believed(trials_[0]);
    for (size_t i = 1; i < trials_.size(); ++i) {
      if (evaluated_[i].divergence > evaluated_[0].divergence) continue;
      const double believed = Believed(trials_[i]);
      if (believed >= least) continue;
      best = i;
      least = believed;
    }
    return best;
  }

  absl::StatusOr<Refinement> Finish() {
    model_.Learn(trials_);
    const size_t best = BestTrial();
    Refinement refinement;
    refinement.assignment = space_.AssignmentOf(trials_[best].selection);
    refinement.source = evaluated_[best].source;
    refinement.divergence = evaluated_[best].divergence;
    refinement.optimum_divergence = evaluated_[0].divergence;
    HT_ASSIGN_OR_RETURN(FrontierPoint point,
                        EvaluateAssignment(request_.problem, refinement.assignment));
    refinement.loss = point.loss;
    refinement.cost = std::move(point.cost);
    for (size_t i = 0; i < trials_.size(); ++i) evaluated_[i].posterior = Believed(trials_[i]);
    refinement.evaluated = std::move(evaluated_);
    refinement.is_exhausted = !IsSpent();
    refinement.joint_optima = std::move(joint_optima_);
    return refinement;
  }

  const RefineRequest& request_;
  const DivergenceFunction& measure_;
  const Progress& progress_;
  const ChoiceSpace space_;
  const PairLosses pairs_;
  LossModel model_;
  std::vector<Trial> trials_;
  std::vector<Refinement::Evaluated> evaluated_;  // of each trial
  std::vector<Refinement::JointOptimum> joint_optima_;
  std::set<Selection> seen_;
};

}  // namespace

NamedLosses SecondOrderLosses(const SensitivityResult& sensitivity) {
  NamedLosses named{std::string(SensitivityMethodName(SensitivityMethod::kFisher)), {}};
  for (const LayerSensitivity& layer : sensitivity.layers) {
    std::vector<double>& losses = named.losses.emplace_back();
    for (const ChoiceLoss& choice : layer.choices) {
      losses.push_back(choice.second_order.value_or(choice.loss));
    }
  }
  return named;
}

absl::StatusOr<Refinement> Refine(const RefineRequest& request, const DivergenceFunction& measure,
                                  const Progress& progress) {
  if (request.evaluations < 1) {
    return absl::InvalidArgumentError("a refinement needs one evaluation at least");
  }
  HT_ASSIGN_OR_RETURN(ChoiceSpace space, ChoiceSpace::Create(request.problem));
  HT_ASSIGN_OR_RETURN(PairLosses pairs, PairLosses::Create(space, request.pairs));
  return Refiner(request, measure, std::move(space), std::move(pairs), progress).Run();
}

}  // namespace halftone
