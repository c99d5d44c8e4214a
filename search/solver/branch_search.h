#ifndef HALFTONE_SEARCH_SOLVER_BRANCH_SEARCH_H_
#define HALFTONE_SEARCH_SOLVER_BRANCH_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/infinity.h"
#include "search/solver/compact.h"
#include "search/solver/label_search.h"
#include "search/solver/plane_maximum.h"
#include "search/solver/stop.h"

namespace halftone {

// Exact search for the least loss of problems without pairs, depth first: every node maximizes its
// own Lagrangian bound over the multipliers, drops the choices whose bound reaches the incumbent,
// and branches on a variable that the relaxed optimum mixes. As the multipliers follow the
// branches, a core of variables that several limits leave open closes in thousands of nodes, where
// labels in a fixed order under fixed multipliers (LabelSearch) are millions. Not thread-safe.
class BranchSearch {
 public:
  // Whether it can search the problem: without pairs or losses between layers, and with no more
  // limits and variables than it is made for.
  static bool CanSearch(const CompactProblem& problem);

  // Borrows both.
  BranchSearch(const CompactProblem& problem, Stop& stop) : problem_(problem), stop_(stop) {}

  // Improves the incumbent as far as possible within so many nodes. `multipliers`: of each limit,
  // to begin with. Returns a lower bound of the loss of every selection that is not accounted for
  // by the incumbent: infinite when the search was exhaustive.
  double Run(absl::Span<const double> multipliers, size_t most_nodes, Incumbent& incumbent);

 private:
  // What is left to choose at a node. Component k > 0 is a cost less what its limit allows.
  struct Core {
    std::vector<int> variables;        // of the problem
    std::vector<uint32_t> first;       // per variable: its first column; then the end
    std::vector<ChoiceIndex> choices;  // [column]
    std::vector<double> values;        // [column][component]
    std::vector<double> constant;      // [component]: of what is chosen

    size_t size() const { return variables.size(); }
    const double* Value(size_t column, size_t components) const {
      return values.data() + column * components;
    }
  };
  struct Bound {
    double loss = -kInfinity;
    std::vector<double> multipliers;
  };

  Core Root() const;
  void Visit(const Core& core, const Bound& parent);
  void Branch(const Core& core, const Bound& bound);
  // The greatest bound that some steps find, or one that reaches the cutoff.
  Bound Maximize(const Core& core, const std::vector<double>& start);
  // The bound at these multipliers, with the totals of the selection that has it.
  double Evaluate(const Core& core, const std::vector<double>& multipliers);
  double Price(const double* value, const std::vector<double>& multipliers) const;
  bool IsHopeless(const Core& core) const;
  // Leaves the columns that may be part of something better, and variables with several of them;
  // those with one are chosen. False where a variable has none.
  bool Reduce(const Core& core, const Bound& bound, Core& left);
  // Of the variables whose two best choices are priced nearly alike, the one whose costs differ
  // the most between them.
  size_t VariableToBranchOn(const Core& core, const Bound& bound) const;
  Core Choose(const Core& core, size_t variable, size_t column);
  // Takes the chosen and picked choices as the incumbent where they are within the limits and
  // better.
  void Offer(const Core& core);

  const CompactProblem& problem_;
  Stop& stop_;
  size_t components_ = 0, limits_ = 0;
  size_t nodes_ = 0, most_nodes_ = 0;
  Incumbent* incumbent_ = nullptr;
  double cutoff_ = kInfinity;
  double open_ = kInfinity;  // the least bound of what has been left open
  PlaneMaximum planes_;
  Selection chosen_;              // on the way to the present node
  std::vector<uint32_t> picked_;  // per variable of the core: the column of Evaluate
  std::vector<double> totals_;    // of Evaluate
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_BRANCH_SEARCH_H_
