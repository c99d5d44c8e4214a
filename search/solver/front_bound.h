#ifndef HALFTONE_SEARCH_SOLVER_FRONT_BOUND_H_
#define HALFTONE_SEARCH_SOLVER_FRONT_BOUND_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "search/solver/compact.h"
#include "search/solver/elimination.h"
#include "search/solver/stop.h"

namespace halftone {

// Selections of a problem, none of which another one replaces in both the loss and component 1, and
// which others could still join them. Found are those on the lower convex hull (Aneja and Nair,
// Management Science 25, 1979) and what changing one variable of them gives. Between two
// neighbours of that staircase a new point must have less loss than the left one and cost less
// than the right one, and so has a smaller weighted sum than the corner that they make: weights for
// which no completion of a partial selection has one rule the corner out. Borrows the problem.
// Immutable; thread-safe.
class FrontBound {
 public:
  struct Point {
    double loss = 0, cost = 0;
    Selection selection;
  };
  // An open corner of the staircase: the weights (an index of tables()) that come closest to
  // ruling it out at the outset, and its weighted sum.
  struct Corner {
    size_t weights = 0;
    double sum = 0;
  };

  // Weights of the loss and the cost that are tried.
  static constexpr size_t kMostWeights = 48;
  // Points that are held, beside twice those that count, before the others are dropped.
  static constexpr size_t kMostNeighbours = 1024;

  // `elimination` must be exact. Ends early when stopped.
  FrontBound(const CompactProblem& problem, const Elimination& elimination, Stop& stop);

  // The tables of all weights; those of components beyond 1 are 0.
  const std::vector<Elimination::Tables>& tables() const { return tables_; }
  const std::vector<Point>& points() const { return points_; }  // by rising cost, falling loss
  // The widest open first; one that nothing rules out where there are no points.
  const std::vector<Corner>& corners() const { return corners_; }

 private:
  void AddHull(const Elimination& elimination, Stop& stop);
  // The selection of least weighted sum.
  Point Minimize(const Elimination& elimination, double loss_weight, double cost_weight);
  void AddNeighbours(const std::vector<Point>& hull, Stop& stop);
  void DropInfeasible();
  void KeepStaircase();
  void FindCorners();

  const CompactProblem& problem_;
  std::vector<Elimination::Tables> tables_;
  std::vector<Point> points_;
  std::vector<Corner> corners_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_FRONT_BOUND_H_
