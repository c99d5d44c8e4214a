#ifndef HALFTONE_SEARCH_SOLVER_LABEL_SEARCH_H_
#define HALFTONE_SEARCH_SOLVER_LABEL_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/infinity.h"
#include "search/solver/compact.h"
#include "search/solver/elimination.h"
#include "search/solver/front_bound.h"
#include "search/solver/stop.h"

namespace halftone {

// What a search minimizes.
enum class Goal {
  kLoss,    // component 0, within the limits
  kExcess,  // the sum of what exceeds the limits
};

// The best selection so far, and its value. Infinite before there is one.
struct Incumbent {
  double objective = kInfinity;
  Selection selection;
  double step = 0;  // what is better is better by as much, but for rounding; 0: not known

  bool found() const { return objective < kInfinity; }
  // What a bound must reach for nothing better to be behind it, but for rounding.
  double Cutoff() const;
};

// The goal's value of a selection's totals; infinite when kLoss and a limit is exceeded.
double Objective(const CompactProblem& problem, Goal goal, absl::Span<const double> totals);

struct LabelSearchOptions {
  Goal goal = Goal::kLoss;
  size_t max_labels = 100'000;         // held at once, before the search goes depth first
  size_t chunk = 8'000;                // labels that go ahead together then
  bool first_chunk_only = false;       // a beam search: the others only count in the bound
  double max_labels_made = kInfinity;  // by RunPareto, in all
  // RunPareto leaves out what these points replace.
  const FrontBound* front = nullptr;
};

// Exact search: partial selections ("labels"), in the order of an elimination, all of one length at
// a time. A label is dropped when (a) another with the same choices of all variables that later
// pairs involve is not worse in any component, (b) a bound of its completions, under any of several
// weights, reaches the incumbent, or exceeds what the limits allow. When there are too many labels,
// the most promising go ahead to the end first. Not thread-safe.
class LabelSearch {
 public:
  // `bounds` are tables of `elimination` with the weights to bound with; those of options.front are
  // added. With Goal::kLoss, weights whose loss weight is 0 only tell what is infeasible. Borrows
  // all of them.
  LabelSearch(const CompactProblem& problem, const Elimination& elimination,
              const std::vector<Elimination::Tables>& bounds, const LabelSearchOptions& options,
              Stop& stop);

  // Improves the incumbent as far as possible. Returns a lower bound of the objective of every
  // selection that is not accounted for by the incumbent: infinite when the search was exhaustive.
  double Run(Incumbent& incumbent);

  // A selection of the Pareto front of all components.
  struct ParetoPoint {
    std::vector<double> totals;
    Selection selection;
  };
  // All selections within the limits that no other one, nor a point of options.front, replaces
  // without making any component larger, by rising loss. Nothing when more labels than the options
  // allow are needed on the way, or when stopped.
  std::optional<std::vector<ParetoPoint>> RunPareto();

 private:
  // Labels that agree in all that later pairs depend on.
  struct Group {
    std::vector<uint16_t> choices;  // of all variables; 0 where it matters no more, or not yet
    std::vector<double> rest;       // per bound: the least weighted sum of what is to come
    std::vector<double> values;     // labels x components, so far
    std::vector<uint32_t> nodes;    // per label: how it came about
    std::vector<size_t> runs;       // where labels by rising loss begin; one run but while filled

    size_t size() const { return nodes.size(); }
  };
  using Groups = std::vector<Group>;
  struct Ranked {
    double bound;
    uint32_t group, label;
  };
  // One choice of one label; the whole is a tree that is read from the leaves.
  struct Node {
    uint32_t parent;
    uint16_t choice;
  };

  Groups Root();
  double Descend(size_t level, Groups groups);
  double DescendInChunks(size_t level, const Groups& groups);
  // Whether labels of the level are completed in search of a better incumbent.
  bool IsTried(size_t level, size_t labels) const;
  // All labels, the first ones before the others; sorted only where `first` are all.
  std::vector<Ranked> Rank(const Groups& groups, size_t first) const;
  Groups Chunk(const Groups& groups, absl::Span<const Ranked> taken) const;
  // Ends early when stopped.
  Groups Expand(size_t level, const Groups& groups);
  // What selecting `choice` adds to every label of the group, and the group's new `rest`.
  void Extend(size_t level, const Group& group, ChoiceIndex choice, std::vector<double>& added,
              std::vector<double>& rest) const;
  void AddLabels(const Group& from, ChoiceIndex choice, const std::vector<double>& added,
                 Group& to);
  std::vector<uint32_t> SortedByLoss(const Group& group) const;
  // Leaves these labels of the group, in this order.
  void Keep(const std::vector<uint32_t>& kept, Group& group) const;
  void RemoveDominated(Group& group) const;
  void TryCompletions(size_t level, const Groups& groups);
  void TryCompletion(size_t level, const Group& group, size_t bound);
  void CompleteLone();
  // Drops labels that have no better completion than those that TryCompletions has tried, without
  // pairs: any other is dearer in a bound's weighted sum by what its second best choice adds.
  // Returns how many are left.
  size_t DropCompleted(size_t level, Group& group);
  // Completes `choices` from the level on as the bound suggests; gives what that adds.
  std::vector<double> Complete(size_t level, size_t bound, std::vector<uint16_t>& choices) const;
  // `offsets` are the group's.
  double Bound(const std::vector<double>& offsets, const double* values) const;
  double LeastBound(const Group& group) const;
  // Of each own bound, what the weighted sum of a label must reach to be hopeless. `offsets` are
  // its group's.
  std::vector<double> Needed(const std::vector<double>& offsets) const;
  bool ReachesAny(const double* values, const std::vector<double>& needed);
  // Nothing that the points of `front` do not replace can come of the values.
  bool IsCovered(const double* values, const std::vector<double>& rest) const;
  std::vector<double> Offsets(const std::vector<double>& rest) const;
  Selection Backtrack(size_t level, uint32_t node) const;

  const CompactProblem& problem_;
  const Elimination& elimination_;
  std::vector<const Elimination::Tables*> bounds_;
  LabelSearchOptions options_;
  Stop& stop_;
  size_t components_;
  size_t own_bounds_;            // without those of options_.front, which come after them
  std::vector<double> weights_;  // [own bound][component]
  std::vector<size_t> asked_;    // of the own bounds: in which order they are asked
  std::vector<std::vector<int>> pairs_at_;      // per level: pairs with earlier variables
  std::vector<std::vector<int>> needed_after_;  // per level: variables whose choices still matter
  // Without pairs, per bound: its choice of each variable, and what they add.
  struct Completion {
    std::vector<uint16_t> choices;
    std::vector<double> rest;  // [level][component]: of that level's variable and all later ones
    std::vector<double> next;  // [level]: any other choices of these are dearer by so much
  };
  std::vector<Completion> completions_;
  std::vector<Node> nodes_;
  size_t held_ = 0;  // labels that wait for others to go ahead
  Incumbent* incumbent_ = nullptr;
  double cutoff_ = kInfinity;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_LABEL_SEARCH_H_
