#include "search/refine/refine.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/infinity.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "search/refine/choice_space.h"
#include "search/refine/loss_model.h"
#include "search/refine/model_corrector.h"
#include "search/refine/model_search.h"
#include "search/refine/pair_rows.h"
#include "search/refine/uniform_selections.h"
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

// Of the evaluations, what finding out may take why the optimum does more than predicted.
constexpr double kShareOfCorrections = 0.5;

// A measured divergence of up to this many times the loss is what was predicted.
constexpr double kCloseTimesPredicted = 1.3;
// A factor below this is none.
constexpr double kLeastFactor = 1.1;
// Of what the answer does: the assignments whose losses are compared with it.
constexpr double kNearlyAsLittle = 2;

constexpr char kOptimum[] = "optimum";
constexpr char kCorrected[] = "corrected optimum";
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
        corrector_(space_, [this](const Assignment& parts) { return MeasureParts(parts); }) {
    RenewModel();
  }

  absl::StatusOr<Refinement> Run() {
    HT_RETURN_IF_ERROR(EvaluateCandidates());
    HT_RETURN_IF_ERROR(CorrectOptimum());
    while (!IsSpent()) {
      HT_RETURN_IF_ERROR(progress_.cancellation.Check());
      model_->Learn(trials_);
      if (Left() <= corrector_.EvaluationsToExplain() + 1) {
        HT_ASSIGN_OR_RETURN(const bool is_corrected, CorrectAnswer());
        if (is_corrected) continue;
      }
      const std::optional<Selection> next = MostPromising();
      if (!next.has_value()) break;  // the evaluations that are left stay unspent
      HT_RETURN_IF_ERROR(Evaluate(kNeighbour, *next));
    }
    is_exhausted_ = !IsSpent();
    if (is_exhausted_) HT_RETURN_IF_ERROR(CorrectAnswer().status());
    HT_RETURN_IF_ERROR(progress_.Step(1));
    return Finish();
  }

 private:
  int Spent() const { return static_cast<int>(trials_.size()) + corrector_.evaluations(); }
  int Left() const { return request_.evaluations - Spent(); }
  bool IsSpent() const { return Left() <= 0; }

  // To be called where the corrections are others.
  void RenewModel() {
    model_.emplace(space_, pairs_, corrector_.Losses(), pairs_.empty() ? 0 : kPairWeights[1],
                   &corrector_.table());
  }

  bool IsAllowed(const Selection& selection) const {
    return !request_.is_allowed || request_.is_allowed(space_.AssignmentOf(selection));
  }

  absl::Status EvaluateCandidates() {
    HT_ASSIGN_OR_RETURN(const Selection optimum, space_.SelectionOf(request_.optimum));
    if (!space_.IsFeasible(optimum)) {
      return absl::InvalidArgumentError("the optimum to refine is not within the budgets");
    }
    HT_RETURN_IF_ERROR(Evaluate(kOptimum, optimum));
    for (const Selection& uniform : UniformSelections(space_)) {
      HT_RETURN_IF_ERROR(EvaluateNew(kUniform, uniform));
    }
    for (const NamedLosses& estimate : request_.estimates) {
      HT_ASSIGN_OR_RETURN(const std::optional<Selection> other, OptimumOf(estimate));
      if (other.has_value()) HT_RETURN_IF_ERROR(EvaluateNew(estimate.name, *other));
    }
    if (!pairs_.empty()) HT_RETURN_IF_ERROR(EvaluateJointOptima(optimum));
    return absl::OkStatus();
  }

  // Looks into what the optimum does more than predicted, solves again with that, and so on.
  absl::Status CorrectOptimum() {
    const int most = static_cast<int>(kShareOfCorrections * request_.evaluations);
    while (request_.is_divergence && Spent() < most) {
      const Trial& optimum = trials_[optimum_];
      HT_ASSIGN_OR_RETURN(const bool is_corrected, Correct(optimum, most - Spent()));
      if (!is_corrected) break;
      HT_RETURN_IF_ERROR(SolveAgain(most));
    }
    return absl::OkStatus();
  }

  // The same of what is held best so far, and of parts of it until they add up to what it does.
  // False where there is nothing to correct.
  absl::StatusOr<bool> CorrectAnswer() {
    if (!request_.is_divergence) return false;
    const Trial answer = trials_[BestTrial()];
    bool is_corrected = false;
    while (true) {
      HT_ASSIGN_OR_RETURN(const bool again, Correct(answer, Left() - 1));
      if (!again) break;
      is_corrected = true;
    }
    if (is_corrected) HT_RETURN_IF_ERROR(SolveAgain(request_.evaluations));
    return is_corrected;
  }

  // False where the prediction of what was tried holds, or nothing more is found of it within so
  // many evaluations.
  absl::StatusOr<bool> Correct(const Trial& trial, int most_evaluations) {
    const double measured = trial.measured;
    const double predicted = corrector_.Predict(trial.selection);
    // What the estimator's own pairs account for is spread over all layers, and so is what was
    // looked for in vain before.
    const double with_pairs = predicted + std::max(0.0, pairs_.Sum(space_, trial.selection));
    if (Holds(with_pairs, measured) || !unexplained_.empty()) return false;
    if (most_evaluations < corrector_.EvaluationsToExplain()) return false;
    HT_ASSIGN_OR_RETURN(const bool is_explained,
                        corrector_.Explain(trial.selection, measured, most_evaluations));
    if (is_explained) {
      RenewModel();
    } else {
      unexplained_.insert(trial.selection);
    }
    return is_explained;
  }

  // Evaluates the optimum by the corrected losses. Known pairs that it would choose in other ways
  // are measured first, as long as that changes it.
  absl::Status SolveAgain(int most_spent) {
    std::optional<Selection> optimum;
    for (bool again = true; again;) {
      HT_RETURN_IF_ERROR(progress_.cancellation.Check());
      HT_ASSIGN_OR_RETURN(optimum, CorrectedOptimum());
      if (!optimum.has_value()) return absl::OkStatus();
      HT_ASSIGN_OR_RETURN(again, corrector_.MeasureKnownPairs(*optimum, most_spent - Spent() - 1));
    }
    RenewModel();
    HT_RETURN_IF_ERROR(EvaluateNew(kCorrected, *optimum));
    for (size_t i = 0; i < trials_.size(); ++i) {
      if (trials_[i].selection == *optimum) optimum_ = i;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Selection>> CorrectedOptimum() const {
    std::optional<Assignment> assignment;
    if (request_.solve) {
      HT_ASSIGN_OR_RETURN(assignment, request_.solve(corrector_.corrections()));
    } else {
      Problem problem = request_.problem;
      problem.frontier.clear();
      ApplyCorrections(corrector_.corrections(), problem);
      HT_ASSIGN_OR_RETURN(auto solution, Answer(problem, request_.time_limit));
      if (solution.has_value()) assignment = std::move(solution->assignment);
    }
    if (!assignment.has_value()) return std::nullopt;
    return space_.SelectionOf(*assignment);
  }

  absl::StatusOr<double> MeasureParts(const Assignment& parts) {
    return measure_(parts, NamedPart());
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

  // The one that may be best of those near the best so far; where all of these are evaluated, near
  // the next best that has others. Nothing where none has.
  std::optional<Selection> MostPromising() const {
    const ModelSearch search(space_, pairs_, *model_);
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
          model_->Predict(candidate) - kOptimism * model_->StandardError(candidate);
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
    const Progress part = NamedPart();
    HT_RETURN_IF_ERROR(part.Step(0));
    Refinement::Evaluated evaluated;
    evaluated.source = source;
    evaluated.predicted = model_->Predict(selection);
    HT_ASSIGN_OR_RETURN(evaluated.divergence, measure_(space_.AssignmentOf(selection), part));
    HT_ASSIGN_OR_RETURN(Score score, ScoreOf(selection, evaluated.divergence));
    trials_.push_back({selection, score.value, std::move(score.parts), evaluated.divergence});
    evaluated_.push_back(std::move(evaluated));
    return absl::OkStatus();
  }

  // Of the progress, what the next evaluation takes, with what it is as its detail.
  Progress NamedPart() const {
    const double done = std::min(Spent(), request_.evaluations - 1);
    const Progress part =
        progress_.Part(done / request_.evaluations, (done + 1) / request_.evaluations);
    Progress named;
    named.cancellation = part.cancellation;
    named.report = [part, detail = Detail()](double fraction, absl::string_view) {
      if (part.report) part.report(fraction, detail);
    };
    return named;
  }

  absl::StatusOr<Score> ScoreOf(const Selection& selection, double divergence) const {
    if (request_.score) return request_.score(space_.AssignmentOf(selection));
    return Score{divergence, {}};
  }

  // What the trial is held to do.
  double Believed(const Trial& trial) const {
    return request_.score ? model_->Predict(trial.selection) : trial.divergence;
  }

  std::string Detail() const {
    const int next = std::min(Spent() + 1, request_.evaluations);
    std::string detail = absl::StrCat("evaluation ", next, " of ", request_.evaluations);
    if (!trials_.empty()) absl::StrAppend(&detail, ", best ", trials_[BestTrial()].measured);
    return detail;
  }

  // The least that an optimum or a uniform assignment was measured to do: an answer may do no more.
  double MostMeasured() const {
    double most = kInfinity;
    for (const Refinement::Evaluated& evaluated : evaluated_) {
      const std::string& source = evaluated.source;
      if (source != kOptimum && source != kCorrected && source != kUniform) continue;
      most = std::min(most, evaluated.divergence);
    }
    return most;
  }

  size_t BestTrial() const {
    const double most = MostMeasured();
    size_t best = 0;
    double least = kInfinity;
    for (size_t i = 0; i < trials_.size(); ++i) {
      if (trials_[i].measured > most) continue;
      const double believed = Believed(trials_[i]);
      if (believed >= least) continue;
      best = i;
      least = believed;
    }
    return best;
  }

  // What the answer and what does nearly as little do over the sum of their losses; 1 where the
  // answer's is close enough.
  double FactorOfTrials(const Trial& answer) const {
    const double predicted = corrector_.Predict(answer.selection);
    const bool is_close = answer.measured <= kCloseTimesPredicted * predicted ||
                          answer.measured - predicted <= kLeastExcess;
    if (!request_.is_divergence || is_close) return 1;
    std::vector<double> ratios;
    for (const Trial& trial : trials_) {
      const double sum = corrector_.Predict(trial.selection);
      if (trial.measured > kNearlyAsLittle * answer.measured || sum <= 0) continue;
      ratios.push_back(trial.measured / sum);
    }
    const double factor = ratios.empty() ? 1 : Median(std::move(ratios));
    return factor < kLeastFactor ? 1 : factor;
  }

  absl::StatusOr<Refinement> Finish() {
    model_->Learn(trials_);
    const size_t best = BestTrial();
    Refinement refinement;
    refinement.assignment = space_.AssignmentOf(trials_[best].selection);
    refinement.source = evaluated_[best].source;
    refinement.divergence = evaluated_[best].divergence;
    refinement.optimum_divergence = evaluated_[optimum_].divergence;
    refinement.most_divergence = MostMeasured();
    refinement.corrections = corrector_.corrections();
    refinement.factor = FactorOfTrials(trials_[best]);
    refinement.partial_evaluations = corrector_.evaluations();
    refinement.is_unexplained = !unexplained_.empty();
    if (refinement.CorrectsTheModel()) {
      refinement.optimum = space_.AssignmentOf(trials_[optimum_].selection);
    }
    Problem corrected = request_.problem;
    refinement.ApplyTo(corrected);
    HT_ASSIGN_OR_RETURN(FrontierPoint point, EvaluateAssignment(corrected, refinement.assignment));
    refinement.loss = point.loss;
    refinement.cost = std::move(point.cost);
    for (size_t i = 0; i < trials_.size(); ++i) evaluated_[i].posterior = Believed(trials_[i]);
    refinement.evaluated = std::move(evaluated_);
    refinement.is_exhausted = is_exhausted_;
    refinement.joint_optima = std::move(joint_optima_);
    return refinement;
  }

  const RefineRequest& request_;
  const DivergenceFunction& measure_;
  const Progress& progress_;
  const ChoiceSpace space_;
  const PairLosses pairs_;
  ModelCorrector corrector_;
  std::optional<LossModel> model_;
  std::vector<Trial> trials_;
  size_t optimum_ = 0;  // of the trials, the present model's
  std::set<Selection> unexplained_;
  bool is_exhausted_ = false;
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
