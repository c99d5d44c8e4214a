#ifndef HALFTONE_SEARCH_SOLVER_CONVEXIFY_H_
#define HALFTONE_SEARCH_SOLVER_CONVEXIFY_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "search/solver/compact.h"
#include "search/solver/stop.h"

namespace halftone {

// A convex function that equals a problem's loss on its selections: with x the indicator of the
// chosen columns,  loss(x) = constant + linear' x + 1/2 x' quadratic x.
struct ConvexForm {
  size_t columns = 0;
  std::vector<double> quadratic;  // [column][column], positive semi-definite
  std::vector<double> linear;     // [column]

  const double* Row(size_t column) const { return quadratic.data() + column * columns; }
};

// Finds the convex form of a problem with `cross` whose minimum over fractions of choices is large.
// One choice of each variable is taken, so that the blocks of a variable's own choices may be
// anything, as long as half their diagonal is taken off the linear part; the matrix only has to
// become positive semi-definite. How far the form at fractions x is below the mean of its values
// at the choices is  1/2 sum_v trace(B_v Cov(x_v)),  which is minimized over the blocks B: the
// semidefinite program behind the quadratic convex reformulation (Billionnet, Elloumi and Plateau,
// Discrete Applied Mathematics 157, 2009), solved by coordinate ascent on the blocks with a barrier
// mu log det (each block's optimum is closed: its Schur complement + mu Cov^-1).
// Borrows the problem. Not thread-safe.
class Convexifier {
 public:
  // Where stopped, nothing can be improved.
  Convexifier(const CompactProblem& problem, Stop& stop);

  // Improves the blocks at the fractions x, by sweeps over all blocks with a falling barrier. Ends
  // early when stopped.
  void Improve(const std::vector<double>& x, int sweeps, Stop& stop);

  // The form with the present blocks.
  ConvexForm Draft() const;
  // The same, positive semi-definite by a Cholesky factorization, whatever has rounded on the way.
  // Nothing when stopped.
  std::optional<ConvexForm> Take(Stop& stop) const;

 private:
  std::vector<double> WithBlocks() const;
  void StartFromDominance();
  void Invert(Stop& stop);
  void SetLinear(ConvexForm& form) const;
  bool Sweep(const std::vector<double>& x, double barrier, Stop& stop);
  bool UpdateBlock(size_t v, const std::vector<double>& x, double barrier, Stop& stop);
  double MeanCurvature(const std::vector<double>& x) const;
  size_t Choices(size_t v) const { return cross_.first[v + 1] - cross_.first[v]; }

  const CompactProblem& problem_;
  const CrossLosses& cross_;
  std::vector<std::vector<double>> blocks_;  // per variable: [choice][choice]
  std::vector<double> inverse_;  // of the matrix, on and above its diagonal; empty: lost
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_CONVEXIFY_H_
