#include "search/solver/branch_and_bound.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/infinity.h"
#include "search/solver/enumerate.h"
#include "search/solver/local_search.h"

namespace halftone {
namespace {

// Selections that are enumerated rather than split further.
constexpr double kMaxEnumerated = 20'000;
// Columns of all open nodes together; above it the hopeless ones go first, which are soon closed.
constexpr size_t kMaxOpenColumns = 100'000'000;
// Rounds of a node's relaxation.
constexpr int kRounds = 12;
// Of the distance from the bound to the incumbent: what a relaxation need not be exact to.
constexpr double kTolerance = 0.03;

class Tree {
 public:
  Tree(const CompactProblem& problem, const ConvexForm& form, Stop& stop, Incumbent& incumbent)
      : problem_(problem),
        form_(form),
        relaxation_(problem, form),
        stop_(stop),
        incumbent_(incumbent) {}

  double Run(const Relaxation::Point& root, double root_bound) {
    Node node;
    node.allowed.assign(form_.columns, 1);
    Keep(root, node);
    open_.emplace(root_bound, std::move(node));
    while (!open_.empty()) {
      if (stop_()) return open_.begin()->first;
      if (open_.begin()->first >= incumbent_.Cutoff()) break;
      const bool is_full = open_.size() * form_.columns > kMaxOpenColumns;
      auto next = open_.extract(is_full ? std::prev(open_.end()) : open_.begin());
      if (next.key() >= incumbent_.Cutoff()) continue;
      if (!Expand(next.key(), next.mapped())) open_.insert(std::move(next));
    }
    return kInfinity;
  }

 private:
  struct Node {
    std::vector<char> allowed;                      // [column]
    std::vector<std::pair<uint32_t, float>> parts;  // the fractions that are not 0
    std::vector<double> lambda;
  };

  static void Keep(const Relaxation::Point& point, Node& node) {
    node.parts.clear();
    for (size_t c = 0; c < point.x.size(); ++c) {
      if (point.x[c] > 1e-7) node.parts.emplace_back(uint32_t(c), static_cast<float>(point.x[c]));
    }
    node.lambda = point.lambda;
  }

  Relaxation::Point PointOf(const Node& node) const {
    Relaxation::Point point{std::vector<double>(form_.columns, 0.0), node.lambda};
    for (const auto& [column, part] : node.parts) point.x[column] = part;
    return point;
  }

  double Selections(const std::vector<char>& allowed) const {
    double count = 1;
    for (int v = 0; v < problem_.variables(); ++v) count *= Count(size_t(v), allowed);
    return count;
  }

  double Count(size_t v, const std::vector<char>& allowed) const {
    double count = 0;
    for (size_t c = First(v); c < First(v + 1); ++c) count += allowed[c];
    return count;
  }

  size_t First(size_t v) const { return problem_.cross->first[v]; }

  // Replaces a node by its parts. False when stopped before all of them were bounded.
  bool Expand(double bound, const Node& node) {
    const Relaxation::Point point = PointOf(node);
    const size_t variable = Loosest(node, point.x);
    for (std::vector<char>& half : Split(variable, node.allowed, point.x)) {
      Node child;
      child.allowed = std::move(half);
      if (!Visit(bound, point, std::move(child))) return false;
    }
    return true;
  }

  // Bounds a part of a node, and closes it or adds it to the open ones. False when stopped.
  bool Visit(double parent_bound, Relaxation::Point point, Node node) {
    const double distance = incumbent_.Cutoff() - parent_bound;
    const double tolerance = distance < kInfinity ? kTolerance * distance : 0;
    while (true) {
      const Relaxation::Bound bound =
          relaxation_.Minimize(node.allowed, incumbent_.Cutoff(), tolerance, kRounds, stop_, point);
      if (stop_()) return false;
      TryRounding(node.allowed, point);
      if (bound.loss >= incumbent_.Cutoff()) return true;
      const bool smaller = Forbid(bound, node.allowed);
      if (Selections(node.allowed) <= kMaxEnumerated) {
        return EnumerateSelections(problem_, node.allowed, bound, bound.lambda, stop_, incumbent_);
      }
      if (smaller) continue;
      Keep(point, node);
      open_.emplace(std::max(parent_bound, bound.loss), std::move(node));
      return true;
    }
  }

  // Forbids the columns that nothing better contains; whether a tenth of them went.
  bool Forbid(const Relaxation::Bound& bound, std::vector<char>& allowed) const {
    size_t before = 0, after = 0;
    for (size_t c = 0; c < allowed.size(); ++c) {
      before += allowed[c] != 0;
      if (bound.loss + bound.reduced[c] >= incumbent_.Cutoff()) allowed[c] = 0;
      after += allowed[c] != 0;
    }
    return after * 10 < before * 9;
  }

  // Each variable's largest fraction is a selection that may be good.
  void TryRounding(const std::vector<char>& allowed, const Relaxation::Point& point) {
    Selection selection;
    for (int v = 0; v < problem_.variables(); ++v) {
      size_t best = First(size_t(v));
      while (!allowed[best]) ++best;
      for (size_t c = best; c < First(size_t(v) + 1); ++c) {
        if (point.x[c] > point.x[best]) best = c;
      }
      selection.push_back(static_cast<ChoiceIndex>(best - First(size_t(v))));
    }
    // Local search costs as much as some nodes do: it is tried ever more rarely.
    if (++rounded_ >= next_search_) {
      next_search_ += 1 + next_search_ / 4;
      ImproveLocally(problem_, Goal::kLoss, selection, stop_, incumbent_);
      return;
    }
    const double objective = Objective(problem_, Goal::kLoss, problem_.Evaluate(selection));
    if (objective < incumbent_.objective) incumbent_ = {objective, std::move(selection)};
  }

  // The variable at which the form is the farthest below the choices; where it is nowhere, the one
  // whose largest fraction is the smallest.
  size_t Loosest(const Node& node, const std::vector<double>& x) const {
    size_t best = 0;
    std::pair<double, double> most{-kInfinity, 0};
    for (size_t v = 0; v + 1 < problem_.cross->first.size(); ++v) {
      if (Count(v, node.allowed) < 2) continue;
      const double largest =
          *std::max_element(x.begin() + static_cast<std::ptrdiff_t>(First(v)),
                            x.begin() + static_cast<std::ptrdiff_t>(First(v + 1)));
      const std::pair<double, double> here{relaxation_.Looseness(v, x), -largest};
      if (here > most) {
        most = here;
        best = v;
      }
    }
    return best;
  }

  // Two sets of allowed columns: those nearer to the variable's largest fraction, and those nearer
  // to its second.
  std::vector<std::vector<char>> Split(size_t v, const std::vector<char>& allowed,
                                       const std::vector<double>& x) const {
    std::vector<size_t> columns;
    for (size_t c = First(v); c < First(v + 1); ++c) {
      if (allowed[c]) columns.push_back(c);
    }
    std::stable_sort(columns.begin(), columns.end(),
                     [&](size_t a, size_t b) { return x[a] > x[b]; });
    std::vector<std::vector<char>> halves(2, allowed);
    for (size_t c : columns) {
      const bool second =
          c == columns[1] || (c != columns[0] && relaxation_.Distance(c, columns[1]) <
                                                     relaxation_.Distance(c, columns[0]));
      halves[second ? 0 : 1][c] = 0;
    }
    return halves;
  }

  const CompactProblem& problem_;
  const ConvexForm& form_;
  Relaxation relaxation_;
  Stop& stop_;
  Incumbent& incumbent_;
  std::multimap<double, Node> open_;  // by bound
  size_t rounded_ = 0, next_search_ = 1;
};

}  // namespace

double BranchAndBound(const CompactProblem& problem, const ConvexForm& form,
                      const Relaxation::Point& root, double root_bound, Stop& stop,
                      Incumbent& incumbent) {
  return Tree(problem, form, stop, incumbent).Run(root, root_bound);
}

}  // namespace halftone
