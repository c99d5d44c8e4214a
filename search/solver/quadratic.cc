#include "search/solver/quadratic.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/infinity.h"
#include "search/solver/annealing.h"
#include "search/solver/branch_and_bound.h"
#include "search/solver/convexify.h"
#include "search/solver/elimination.h"
#include "search/solver/enumerate.h"
#include "search/solver/lagrangian.h"
#include "search/solver/local_search.h"
#include "search/solver/relaxation.h"
#include "search/solver/shrinking_solver.h"

namespace halftone {
namespace {

// Selections up to which no bound but the first is worth its while.
constexpr double kMaxEnumerated = 20'000;
// Local searches from random changes of the incumbent.
constexpr int kKicks = 60;
// Of the relaxation, for each convex form.
constexpr int kRounds = 150;
// Improvements that together must take this share off the distance to the incumbent for another
// one.
constexpr int kPatience = 4;
constexpr double kWorthImproving = 0.05;
// Of annealing: some tenths of a second for a thousand columns.
constexpr int64_t kProposalsPerColumn = 1000;
// Of the distance from the bound to the incumbent: what the relaxation need not be exact to.
constexpr double kTolerance = 1e-3;
// Share of columns whose removal is worth another convex form.
constexpr double kWorthAnotherRound = 0.1;

class QuadraticSolver : private ShrinkingSolver {
 public:
  QuadraticSolver(const CompactProblem& problem, Stop& stop, Incumbent start)
      : ShrinkingSolver(DropSlackLimits(problem, 1), Goal::kLoss, std::move(start)), stop_(stop) {
    const std::vector<int>& choices = problem_.choices;
    if (std::find(choices.begin(), choices.end(), 1) == choices.end()) return;
    KeepColumns(std::vector<char>(problem_.cross->columns(), 1));
  }

  ExactResult Run() {
    while (Round()) {
    }
    return std::move(result_);
  }

 private:
  // Bounds, improves the incumbent and rules out choices; branches when that rules out little.
  // Returns whether another round is due.
  bool Round() {
    if (problem_.variables() == 0) {
      Offer(Selection());
      return Finish(kInfinity);
    }
    if (!FindIncumbent()) return Finish(kInfinity);
    if (stop_()) return Finish(-kInfinity);
    if (!convexifier_.has_value() && !Start()) return Finish(IsClosed() ? kInfinity : -kInfinity);
    if (Selections() <= kMaxEnumerated) return Enumerate();
    return Tighten();
  }

  // The first convex form, and what it bounds. False when nothing is left to be done, or stopped.
  bool Start() {
    convexifier_.emplace(problem_);
    if (!convexifier_->TakeKnown(form_, stop_) && !convexifier_->Take(form_, stop_)) return false;
    const std::vector<char> all(form_.columns, 1);
    Relaxation relaxation(problem_, form_);
    point_ = relaxation.Start(all);
    Bound(relaxation, all);
    return !IsClosed() && !stop_();
  }

  // Improves the convex form for as long as that pays, and rules out choices by it.
  bool Tighten() {
    ConvexForm best;
    std::vector<double> bounds;  // of the best form so far
    std::vector<char> allowed(problem_.cross->columns(), 1);
    for (bool improved = true; improved && IsWorthImproving(bounds);) {
      improved = convexifier_->Improve(point_.x, stop_);
      if (!convexifier_->Take(form_, stop_)) return Finish(-kInfinity);
      Relaxation relaxation(problem_, form_);
      const Relaxation::Bound bound = Bound(relaxation, allowed);
      if (IsClosed()) return Finish(kInfinity);
      if (stop_()) return Finish(-kInfinity);
      if (bounds.empty() || bound.loss > bounds.back()) std::swap(best, form_);
      bounds.push_back(bounds.empty() ? bound.loss : std::max(bounds.back(), bound.loss));
      if (bounds.size() == kPatience) AnnealOnce();
      Forbid(bound, allowed);
      const auto kept = static_cast<double>(std::count(allowed.begin(), allowed.end(), 1));
      if (kept < (1 - kWorthAnotherRound) * static_cast<double>(allowed.size())) {
        return KeepColumns(allowed) || Finish(kInfinity);
      }
    }
    return Branch(best);
  }

  // For problems that are hard to bound.
  void AnnealOnce() {
    if (std::exchange(annealed_, true)) return;
    const auto columns = static_cast<int64_t>(problem_.cross->columns());
    Improve(Selection(), [&](Incumbent& local) {
      local.objective = kInfinity;
      ImproveLocally(problem_, Goal::kLoss, Rounded(), stop_, local);
      Anneal(problem_, kProposalsPerColumn * columns, stop_, local);
    });
  }

  bool IsWorthImproving(const std::vector<double>& bounds) const {
    if (bounds.size() <= kPatience) return true;
    const double before = bounds[bounds.size() - 1 - kPatience];
    return bounds.back() - before >= kWorthImproving * (result_.incumbent.objective - before);
  }

  // Searches that start from, and improve, an incumbent of the present problem.
  template <typename Search>
  void Improve(Selection start, Search search) {
    Incumbent local{result_.incumbent.objective, std::move(start)};
    search(local);
    Take(local);
  }

  // Removes columns, and variables with one choice. False when a variable has no choice left.
  bool KeepColumns(const std::vector<char>& allowed) {
    std::vector<std::vector<char>> keep;
    for (size_t v = 0; v + 1 < problem_.cross->first.size(); ++v) {
      const auto begin = allowed.begin() + static_cast<std::ptrdiff_t>(problem_.cross->first[v]);
      const auto end = allowed.begin() + static_cast<std::ptrdiff_t>(problem_.cross->first[v + 1]);
      if (std::count(begin, end, 1) == 0) return false;
      keep.emplace_back(begin, end);
    }
    if (!convexifier_.has_value()) {
      Shrink(keep);
      return true;
    }
    std::vector<double> fractions;
    for (size_t v = 0; v < keep.size(); ++v) {
      if (std::count(keep[v].begin(), keep[v].end(), 1) == 1) continue;
      for (size_t o = 0; o < keep[v].size(); ++o) {
        if (keep[v][o]) fractions.push_back(point_.x[problem_.cross->first[v] + o]);
      }
    }
    Shrink(keep);
    point_.x = std::move(fractions);
    if (problem_.variables() > 0) convexifier_->Keep(problem_, keep);
    return true;
  }

  double Selections() const {
    double count = 1;
    for (int choices : problem_.choices) count *= choices;
    return count;
  }

  Relaxation::Bound Bound(Relaxation& relaxation, const std::vector<char>& allowed) {
    const double cutoff = result_.incumbent.Cutoff();
    const double distance = cutoff - result_.lower_bound;
    const double tolerance = distance < kInfinity ? kTolerance * distance : 0;
    const double met = relaxation.Minimize(allowed, cutoff, tolerance, kRounds, stop_, point_).loss;
    Relaxation::Bound bound = relaxation.BoundAt(allowed, point_);
    result_.lower_bound = std::max({result_.lower_bound, met, bound.loss});
    return bound;
  }

  // Selections that the Lagrangian of the choices' own losses meets are where local search starts.
  // False when it is proven that there is none within the limits.
  bool FindIncumbent() {
    if (searched_) return true;
    searched_ = true;
    CompactProblem separable = problem_;
    separable.cross = nullptr;
    const Extremes extremes = ExtremesOf(separable);
    LagrangianOptions options;
    options.penalty = 1e6 * std::max(extremes.most[0] - extremes.least[0], 1e-300);
    Selection last;
    const auto visit = [&](const Selection& selection) {
      Offer(selection);
      last = selection;
    };
    MaximizeLagrangian(separable, Elimination::Plan(separable), options, stop_, visit);
    SearchFrom(last);
    if (result_.incumbent.found()) return true;
    const ExactResult exact = SolveExactly(separable, Goal::kLoss, stop_);
    if (!exact.incumbent.found()) return !exact.proven;
    Offer(exact.incumbent.selection);
    SearchFrom(exact.incumbent.selection);
    return true;
  }

  void SearchFrom(const Selection& start) {
    Improve(Selection(), [&](Incumbent& local) {
      local.objective = kInfinity;
      ImproveLocally(problem_, Goal::kLoss, start, stop_, local);
      ImproveByKicks(problem_, kKicks, stop_, local);
    });
  }

  void Forbid(const Relaxation::Bound& bound, std::vector<char>& allowed) const {
    for (size_t c = 0; c < allowed.size(); ++c) {
      if (bound.loss + bound.reduced[c] >= result_.incumbent.Cutoff()) allowed[c] = 0;
    }
  }

  // Each variable's largest fraction.
  Selection Rounded() const {
    Selection selection;
    const std::vector<size_t>& first = problem_.cross->first;
    for (size_t v = 0; v + 1 < first.size(); ++v) {
      const auto begin = point_.x.begin() + static_cast<std::ptrdiff_t>(first[v]);
      const auto end = point_.x.begin() + static_cast<std::ptrdiff_t>(first[v + 1]);
      selection.push_back(static_cast<ChoiceIndex>(std::max_element(begin, end) - begin));
    }
    return selection;
  }

  bool Enumerate() {
    if (!convexifier_->Take(form_, stop_)) return Finish(-kInfinity);
    const std::vector<char> allowed(form_.columns, 1);
    Relaxation relaxation(problem_, form_);
    const Relaxation::Bound bound = Bound(relaxation, allowed);
    bool complete = false;
    Improve(Selection(), [&](Incumbent& local) {
      complete = EnumerateSelections(problem_, allowed, bound, bound.lambda, stop_, local);
    });
    return Finish(complete ? kInfinity : -kInfinity);
  }

  bool Branch(const ConvexForm& form) {
    double open = -kInfinity;
    Improve(Selection(), [&](Incumbent& local) {
      open = BranchAndBound(problem_, form, point_, result_.lower_bound, stop_, local);
    });
    return Finish(open);
  }

  Stop& stop_;
  bool searched_ = false;  // locally, from the linearization
  bool annealed_ = false;
  std::optional<Convexifier> convexifier_;
  ConvexForm form_;          // the latest
  Relaxation::Point point_;  // that minimizes its form, more or less
};

}  // namespace

ExactResult SolveQuadratic(const CompactProblem& problem, Stop& stop, Incumbent start) {
  return QuadraticSolver(problem, stop, std::move(start)).Run();
}

}  // namespace halftone
