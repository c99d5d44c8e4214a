#ifndef HALFTONE_SEARCH_SOLVER_SHRINKING_SOLVER_H_
#define HALFTONE_SEARCH_SOLVER_SHRINKING_SOLVER_H_

#include <vector>

#include "search/solver/compact.h"
#include "search/solver/exact.h"
#include "search/solver/label_search.h"

namespace halftone {

// What exact solvers have in common: the problem that is left when choices have been ruled out, how
// it became so, and what is known of the original. Not thread-safe.
class ShrinkingSolver {
 protected:
  // `start` may carry a selection that is already known.
  ShrinkingSolver(CompactProblem problem, Goal goal, Incumbent start);

  // A selection of the present problem, and one that a search in it has found: taken where it is
  // better than the incumbent.
  void Offer(const Selection& selection);
  void Take(const Incumbent& found);
  // Keeps the choices marked; at least one of each variable.
  void Shrink(const std::vector<std::vector<char>>& keep);
  // The bound has reached the incumbent.
  bool IsClosed() const { return result_.lower_bound >= result_.incumbent.Cutoff(); }
  // Ends with `open` as the bound of what has not been searched. Returns false: no other round is
  // due.
  bool Finish(double open);

  CompactProblem problem_;  // what is left of it
  const Goal goal_;
  ExactResult result_;  // of the original

 private:
  Selection ToOriginal(Selection selection) const;

  std::vector<ReducedProblem> chain_;  // how the problem became what is left
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_SHRINKING_SOLVER_H_
