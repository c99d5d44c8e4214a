#include "search/solver/exact.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "base/infinity.h"
#include "search/solver/branch_search.h"
#include "search/solver/elimination.h"
#include "search/solver/limit_shifts.h"
#include "search/solver/local_search.h"
#include "search/solver/quadratic.h"
#include "search/solver/rounding.h"
#include "search/solver/rule_out.h"
#include "search/solver/shrinking_solver.h"
#include "search/solver/unit.h"
#include "search/solver/weighted.h"

namespace halftone {
namespace {

// What is done in search of an incumbent, or a proof, before all labels are searched. A beam: a
// level of more labels than the first number is cut to the second one, first to few, then, of what
// that has left, to more. Or as many branches (BranchSearch).
struct Effort {
  size_t labels = 0, chunk = 0, nodes = 0;
};
constexpr std::array<Effort, 8> kEfforts = {{{.labels = 500, .chunk = 500},
                                             {.nodes = 20'000},
                                             {.nodes = 100'000},
                                             {.labels = 4'000, .chunk = 4'000},
                                             {.labels = 40'000, .chunk = 20'000},
                                             {.nodes = 500'000},
                                             {.labels = 40'000, .chunk = 20'000},
                                             {.nodes = 2'000'000}}};

constexpr size_t kMostLoneLabels = 400'000;

class ExactSolver : private ShrinkingSolver {
 public:
  ExactSolver(const CompactProblem& problem, Goal goal, Stop& stop, Incumbent start,
              const MultiplierSource& source)
      : ShrinkingSolver(DropSlackLimits(problem, 1), goal, std::move(start)),
        stop_(stop),
        source_(source) {
    problem_.cross = nullptr;  // it is no part of the excess
    if (goal_ == Goal::kExcess) return;
    TightenLimits(problem_);
    result_.incumbent.step = UnitOf(problem_, 0);
  }

  ExactResult Run() {
    // Where nothing else is found in time, there is often this.
    for (size_t k = 0; k < problem_.limit.size(); ++k) Offer(CheapestChoices(problem_, k));
    Shrink(UndominatedChoices(problem_));
    for (bool again = true; again && !result_.proven;) again = Round();
    result_.incumbent.step = 0;  // of this problem only
    return std::move(result_);
  }

 private:
  // Bounds, improves the incumbent and rules out choices; searches when that rules out nothing any
  // more. Returns whether another round is due.
  bool Round() {
    if (problem_.variables() == 0) {
      Offer(Selection());
      return Finish(kInfinity);
    }
    const Elimination elimination = Elimination::Plan(problem_);
    const std::vector<Multipliers> multipliers = Bound(elimination);
    std::vector<Elimination::Tables> bounds = Tables(elimination, multipliers);
    if (IsClosed()) return Finish(kInfinity);
    if (stop_()) return Finish(-kInfinity);
    const std::vector<std::vector<char>> keep =
        ChoicesNotRuledOut(problem_, goal_, result_.incumbent.Cutoff(), elimination, bounds, stop_);
    bounds.clear();  // the search makes its own, which may be as large
    bool all_kept = true;
    for (const std::vector<char>& marks : keep) {
      const auto kept = std::count(marks.begin(), marks.end(), 1);
      if (kept == 0) return Finish(kInfinity);
      all_kept &= static_cast<size_t>(kept) == marks.size();
    }
    if (!all_kept) {
      Shrink(keep);
      Shrink(UndominatedChoices(problem_));
      return true;
    }
    return Search(multipliers);
  }

  // The excess is no less than what exceeds the limits, weighted by up to 1.
  bool IsUsable(const CompactProblem& problem, const LagrangianOptions& options,
                const std::vector<double>& weights) const {
    if (!CanBound(problem, weights) || weights[0] != options.loss_weight) return false;
    return goal_ == Goal::kLoss || *std::max_element(weights.begin(), weights.end()) <= 1;
  }

  // The source's multipliers; where they give no bounds, none of the limits.
  Multipliers Maximize(const CompactProblem& problem, const Elimination& elimination,
                       const LagrangianOptions& options,
                       const std::function<void(const Selection&)>& visit) {
    Multipliers found = source_(problem, elimination, options, stop_, visit);
    if (IsUsable(problem, options, found.weights)) return found;
    Multipliers none{std::vector<double>(problem.limit.size() + 1, 0.0), -kInfinity};
    none.weights[0] = options.loss_weight;
    return none;
  }

  // Weights to bound with: the best multipliers of the limits, some around them, each cost alone,
  // and the combination of costs that comes closest to exceeding its limits.
  std::vector<Multipliers> Bound(const Elimination& elimination) {
    std::vector<Multipliers> all;
    const size_t limits = problem_.limit.size();
    const auto visit = [&](const Selection& selection) { Offer(selection); };
    if (limits > 1 || goal_ == Goal::kExcess) {
      LagrangianOptions options;
      options.loss_weight = 0;
      options.penalty = 1;
      Multipliers excess = Maximize(problem_, elimination, options, visit);
      if (goal_ == Goal::kExcess) {
        result_.lower_bound = std::max(result_.lower_bound, excess.bound);
      } else if (excess.bound > kFeasibilityNoise) {
        result_.lower_bound = kInfinity;
      }
      all.push_back(std::move(excess));
    }
    for (size_t k = 0; k < limits; ++k) {
      Multipliers alone{std::vector<double>(limits + 1, 0.0), 0};
      alone.weights[k + 1] = 1;
      all.push_back(std::move(alone));
    }
    if (goal_ == Goal::kExcess) return all;
    Selection last;
    const auto remember = [&](const Selection& selection) {
      Offer(selection);
      last = selection;
    };
    Multipliers best = Maximize(problem_, elimination, LossOptions(), remember);
    result_.lower_bound = std::max(result_.lower_bound, best.bound);
    if (best.mixture.size() > 1) {
      last = RoundMixture(problem_, elimination.order(), best.mixture);
    }
    best.mixture.clear();
    if (!IsClosed()) ImproveFrom(last);
    all.insert(all.begin(), best);
    if (limits > 0) {
      for (const double factor : {0.5, 0.8, 1.25, 2.0}) {
        Multipliers scaled = best;
        for (size_t k = 0; k < limits; ++k) scaled.weights[k + 1] *= factor;
        all.push_back(std::move(scaled));
        // What is left of several limits changes in its proportions too.
        for (size_t k = 0; k < limits && limits > 1; ++k) {
          scaled = best;
          scaled.weights[k + 1] *= factor;
          if (scaled.weights[k + 1] > 0) all.push_back(scaled);
        }
      }
    }
    return all;
  }

  void ImproveFrom(const Selection& start) {
    Incumbent local;
    local.objective = result_.incumbent.objective;
    ImproveLocally(problem_, goal_, start, stop_, local);
    Take(local);
  }

  std::vector<Elimination::Tables> Tables(const Elimination& elimination,
                                          const std::vector<Multipliers>& multipliers) {
    std::vector<Elimination::Tables> tables;
    for (const Multipliers& multiplier : multipliers) {
      if (!tables.empty() && stop_()) break;
      tables.push_back(elimination.Minimize(multiplier.weights));
      // Choosing these weights' own minimum may be within the limits.
      std::vector<uint16_t> choices(problem_.choices.size(), 0);
      elimination.Complete(tables.back(), 0, absl::MakeSpan(choices));
      Offer(Selection(choices.begin(), choices.end()));
    }
    return tables;
  }

  // Adds the best multipliers for limits that leave a little more or less room, as they do after
  // some of the choices. With pairs they cost more time than they save.
  std::vector<Multipliers> WithShifted(std::vector<Multipliers> multipliers, bool thorough) {
    if (goal_ != Goal::kLoss || !problem_.pairs.empty()) return multipliers;
    const Elimination elimination = Elimination::Plan(problem_);
    CompactProblem shifted = problem_;
    for (const std::vector<double>& shift : LimitShifts(problem_.limit.size(), thorough)) {
      for (size_t k = 0; k < shift.size(); ++k) {
        const double room = problem_.limit[k] - problem_.constant[k + 1];
        shifted.limit[k] = problem_.limit[k] + shift[k] * room;
      }
      multipliers.push_back(Maximize(shifted, elimination, LossOptions(), [](const Selection&) {}));
      multipliers.back().mixture.clear();
    }
    return multipliers;
  }

  LagrangianOptions LossOptions() const {
    const Extremes extremes = ExtremesOf(problem_);
    LagrangianOptions options;
    options.penalty = 1e6 * std::max(extremes.most[0] - extremes.least[0], 1e-300);
    return options;
  }

  // Makes small efforts first: a better incumbent often rules out more, and then another round is
  // due.
  bool Search(const std::vector<Multipliers>& multipliers) {
    const Elimination elimination =
        Elimination::Plan(problem_, ClosenessOf(problem_, multipliers[0].weights));
    LabelSearchOptions options;
    options.goal = goal_;
    options.first_chunk_only = true;
    std::vector<Elimination::Tables> tables;
    while (efforts_ < kEfforts.size()) {
      const Effort& effort = kEfforts[efforts_++];
      const double before = result_.incumbent.objective;
      double open = -kInfinity;
      if (effort.nodes > 0) {
        if (!CanBranch()) continue;
        open = SearchBranches(multipliers[0], effort.nodes);
      } else {
        if (tables.empty()) {
          tables = Tables(elimination, WithShifted(multipliers, /*thorough=*/false));
        }
        options.max_labels = effort.labels;
        options.chunk = effort.chunk;
        open = SearchLabels(elimination, tables, options);
      }
      if (open >= result_.incumbent.Cutoff()) return Finish(open);
      if (result_.incumbent.objective < before) return true;
    }
    options = LabelSearchOptions();
    options.goal = goal_;
    // Without pairs labels are small.
    if (problem_.pairs.empty()) options.max_labels = kMostLoneLabels;
    tables.clear();  // the others may be as large
    tables = Tables(elimination, WithShifted(multipliers, /*thorough=*/true));
    return Finish(SearchLabels(elimination, tables, options));
  }

  // With one limit labels are few.
  bool CanBranch() const {
    return goal_ == Goal::kLoss && problem_.limit.size() > 1 && BranchSearch::CanSearch(problem_);
  }

  double SearchBranches(const Multipliers& best, size_t nodes) {
    Incumbent incumbent = WithoutSelection();
    const double open = BranchSearch(problem_, stop_)
                            .Run(absl::MakeConstSpan(best.weights).subspan(1), nodes, incumbent);
    Take(incumbent);
    return open;
  }

  // What a search has to beat.
  Incumbent WithoutSelection() const {
    Incumbent incumbent;
    incumbent.objective = result_.incumbent.objective;
    incumbent.step = result_.incumbent.step;
    return incumbent;
  }

  double SearchLabels(const Elimination& elimination,
                      const std::vector<Elimination::Tables>& tables,
                      const LabelSearchOptions& options) {
    Incumbent incumbent = WithoutSelection();
    const double open = LabelSearch(problem_, elimination, tables, options, stop_).Run(incumbent);
    Take(incumbent);
    return open;
  }

  Stop& stop_;
  const MultiplierSource& source_;
  size_t efforts_ = 0;  // of kEfforts, made
};

}  // namespace

ExactResult SolveExactly(const CompactProblem& problem, Goal goal, Stop& stop, Incumbent start,
                         const MultiplierSource& source) {
  if (problem.cross != nullptr && goal == Goal::kLoss) {
    return SolveQuadratic(problem, stop, std::move(start));
  }
  return ExactSolver(problem, goal, stop, std::move(start), source).Run();
}

}  // namespace halftone
