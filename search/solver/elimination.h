#ifndef HALFTONE_SEARCH_SOLVER_ELIMINATION_H_
#define HALFTONE_SEARCH_SOLVER_ELIMINATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "search/solver/compact.h"

namespace halftone {

// A plan to minimize a weighted sum of a problem's components, without its limits, by bucket
// elimination (Dechter, Artificial Intelligence 113, 1999): variables are minimized out one after
// another, each into a table over the variables that its pairs and the tables before it involve. A
// chain with skip connections needs small tables. Where a table would exceed `max_table` entries,
// the terms of a bucket are split into mini-buckets that are minimized separately (Dechter and
// Rish, JACM 50, 2003): the result is then a lower bound.
//
// Read backwards, the tables bound what any partial selection, made in `order()`, can still cost.
// Borrows the problem. Immutable; thread-safe.
class Elimination {
 public:
  struct Bucket {
    int variable = 0;
    std::vector<int> scope;       // selected before `variable`; the table is over these
    std::vector<size_t> strides;  // of the scope's choices in the table
    std::vector<int> pairs;       // of the problem, minimized here
    std::vector<int> inputs;      // buckets whose tables are terms of this one
    bool has_values = false;      // the variable's own values are a term of this one
    size_t entries = 1;
  };
  // Tables by bucket for one vector of weights.
  struct Tables {
    std::vector<double> weights;                   // per component
    std::vector<std::vector<double>> pair_values;  // per pair: weighted, [choices of a][of b]
    std::vector<std::vector<double>> tables;       // per bucket
    double minimum = 0;                            // of the weighted sum, or a lower bound of it
  };

  // Terms that one Minimize of a plan adds up, unless its tables are of kMinTable entries at most:
  // some hundredths of a second.
  static constexpr size_t kMaxWork = 20'000'000, kMinTable = 100;
  // The plan with the largest tables, up to 200,000 entries, that takes no more.
  static Elimination Plan(const CompactProblem& problem, absl::Span<const double> priority = {});

  // Variables without pairs come in the order of falling `priority` (may be empty).
  Elimination(const CompactProblem& problem, size_t max_table,
              absl::Span<const double> priority = {});

  // Whether Minimize finds the minimum itself.
  bool exact() const { return exact_; }
  // The order in which a search selects: the reverse of the elimination.
  const std::vector<int>& order() const { return order_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }
  const std::vector<int>& BucketsOf(int variable) const {
    return buckets_of_[static_cast<size_t>(variable)];
  }
  // Terms that one Minimize adds up.
  size_t work() const { return work_; }

  Tables Minimize(absl::Span<const double> weights) const;
  // For each variable and choice the minimum (or a lower bound of it) over the selections in which
  // the variable takes the choice: min-marginals, by one pass back over the tables.
  std::vector<std::vector<double>> MinimaGiven(const Tables& tables) const;

  // The entry of a bucket's table for the choices of its scope.
  static size_t Entry(const Bucket& bucket, absl::Span<const uint16_t> choices);
  // The weighted price of a choice of the bucket's variable, its pairs and inputs, given the
  // choices of its scope: what Minimize takes the least of.
  double Term(const Tables& tables, int bucket, absl::Span<const uint16_t> choices,
              ChoiceIndex choice) const;
  // Completes a partial selection of the first `selected` variables of the order greedily, by Term;
  // the least completion if exact().
  void Complete(const Tables& tables, int selected, absl::Span<uint16_t> choices) const;

 private:
  explicit Elimination(const CompactProblem& problem) : problem_(problem) {}
  void PlanOrder(absl::Span<const double> priority);
  // False, and the plan is of no use, when it takes more work.
  bool PlanBuckets(size_t max_table, size_t most_work);
  // What a pair, or the table of a bucket (-1 - its index), is over besides the variable; sorted.
  std::vector<int> ScopeOf(int term, int variable) const;
  // The variable's buckets for these terms, without strides.
  std::vector<Bucket> SplitTerms(int variable, size_t max_table, std::vector<int>& terms) const;
  // Completes the bucket, and makes its table a term of the next one.
  void AddBucket(Bucket bucket, std::vector<std::vector<int>>& terms);
  // A term of a bucket, read at an offset that moves with the scope's choices and the variable's.
  struct TermView {
    const double* values;
    size_t variable_stride = 0;
    std::vector<size_t> strides;  // per scope variable
    size_t offset = 0;
  };
  // The weighted values of the bucket's variable; zeros where another bucket has them.
  std::vector<double> OwnValues(const Bucket& bucket, const Tables& tables) const;
  TermView ViewOfPair(const Bucket& bucket, int pair, const Tables& tables) const;
  // Of a table with another bucket's scope.
  static TermView ViewOfTable(const Bucket& bucket, const Bucket& input, const double* table);
  // Calls visit(entry, sums) for every choice of the scope in turn: `sums` are those of `own` and
  // all views by choice of the variable. The views' offsets are those of the entry.
  template <typename Visit>
  void ForEachEntry(const Bucket& bucket, const std::vector<double>& own,
                    std::vector<TermView>& views, Visit visit) const;
  void Fill(int bucket, Tables& tables) const;

  const CompactProblem& problem_;
  std::vector<int> order_;
  std::vector<int> position_;  // in order_
  std::vector<Bucket> buckets_;
  std::vector<std::vector<int>> buckets_of_;
  std::vector<int> reader_;  // per bucket: the bucket that its table goes into, or -1
  bool exact_ = true;
  size_t work_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_ELIMINATION_H_
