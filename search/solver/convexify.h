#ifndef HALFTONE_SEARCH_SOLVER_CONVEXIFY_H_
#define HALFTONE_SEARCH_SOLVER_CONVEXIFY_H_

#include <cstddef>
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
// The blocks' best answer to one x can be a bad one to all others, and answering in turn circles:
// what is sought is a saddle point. So blocks answer the mean of all covariances met, the later
// ones the more (fictitious play: the minimum is concave in the blocks, with the covariance as
// gradient). Borrows the problem. Not thread-safe.
class Convexifier {
 public:
  explicit Convexifier(const CompactProblem& problem);

  // Improves the blocks by one sweep over them, with a barrier that falls from call to call. x are
  // the fractions that minimize the present form. False, and the blocks are still good for a form,
  // when rounding leaves nothing to improve, or when stopped.
  bool Improve(const std::vector<double>& x, Stop& stop);

  // Goes on with a problem that keeps these choices, by [variable][choice], and has no variables
  // with a single one.
  void Keep(const CompactProblem& problem, const std::vector<std::vector<char>>& keep);

  // Writes the form with the present blocks, positive semi-definite by a Cholesky factorization,
  // whatever has rounded on the way. False when stopped.
  bool Take(ConvexForm& form, Stop& stop);
  // The form with the blocks that the problem knows. False where it knows none that would do, or
  // when stopped.
  bool TakeKnown(ConvexForm& form, Stop& stop);

 private:
  bool WithBlocks(const std::vector<std::vector<double>>& blocks, std::vector<double>& matrix,
                  Stop& stop) const;
  void StartFromDominance();
  bool Invert(Stop& stop);
  bool IsReady(Stop& stop);
  bool HasRoomFor(double shift, ConvexForm& form, Stop& stop);
  void SetLinear(ConvexForm& form) const;
  void Remember(const std::vector<double>& x);
  bool Sweep(Stop& stop);
  bool UpdateBlock(size_t v, Stop& stop);
  double MeanCurvature() const;
  size_t Choices(size_t v) const { return cross_->first[v + 1] - cross_->first[v]; }

  const CompactProblem* problem_;
  const CrossLosses* cross_;
  std::vector<std::vector<double>> blocks_;       // per variable: [choice][choice]
  std::vector<std::vector<double>> covariances_;  // the same, that the blocks are to answer
  double relative_barrier_ = 0;                   // the first, to the mean curvature
  double barrier_ = 0;                            // mu
  bool is_lost_ = false;                          // to rounding
  std::vector<double> scratch_;                   // as large as the matrix
  std::vector<double> inverse_;  // of the matrix, on and above its diagonal; empty: not known
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_CONVEXIFY_H_
