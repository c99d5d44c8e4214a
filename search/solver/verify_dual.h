#ifndef HALFTONE_SEARCH_SOLVER_VERIFY_DUAL_H_
#define HALFTONE_SEARCH_SOLVER_VERIFY_DUAL_H_

#include <cstddef>
#include <vector>

#include "base/cancellation.h"
#include "base/infinity.h"
#include "search/solver/verify_model.h"
#include "search/solver/verify_program.h"

namespace halftone {

// The Lagrangian bound of a model's loss within its limits. The loss of interaction rows,
//   1/2 |sum of the chosen columns|^2 + what is linear,
// is replaced by its tangent at a mean of selections, which lies below it everywhere. Borrows the
// model. Not thread-safe.
class VerifyDual {
 public:
  explicit VerifyDual(const VerifyModel& model);

  // Moves multipliers and tangent towards the largest bound, or until it reaches `target`.
  void Maximize(double target, const Cancellation& cancellation);
  // Multipliers for which the limits, without the loss, are exceeded the most.
  void MaximizeExcess(const Cancellation& cancellation);

  // The largest bound met; above 0 after MaximizeExcess: the limits cannot be kept.
  double bound() const { return best_; }
  // Makes `program` stand at the largest bound: what Added says belongs to it.
  VerifyProgram& AtBest();

 private:
  // A mean of selections.
  struct Mean {
    double linear = 0;           // of the loss, but for the convex part
    std::vector<double> costs;   // [limit]
    std::vector<double> column;  // [row]
  };

  Mean MeanOf(const std::vector<size_t>& selection) const;
  double Evaluate();
  std::vector<double> ExcessOf(const std::vector<size_t>& selection) const;
  void Bisect(size_t limit);
  void FollowSubgradients(double target, int steps, const Cancellation& cancellation);
  void MoveTangent(int steps);

  const VerifyModel& model_;
  VerifyProgram program_;
  double loss_weight_ = 1;
  std::vector<double> lambda_;   // [limit]
  std::vector<double> scale_;    // [limit]: what is 1 of it
  std::vector<double> tangent_;  // [row]: where the convex part is touched
  Mean mean_;
  std::vector<std::vector<double>> prices_;
  double best_ = -kInfinity;
  std::vector<double> best_lambda_, best_tangent_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_VERIFY_DUAL_H_
