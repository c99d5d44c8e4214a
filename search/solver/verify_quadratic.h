#ifndef HALFTONE_SEARCH_SOLVER_VERIFY_QUADRATIC_H_
#define HALFTONE_SEARCH_SOLVER_VERIFY_QUADRATIC_H_

#include <cstddef>
#include <vector>

#include "base/cancellation.h"
#include "search/solver/verify_model.h"
#include "search/solver/verify_program.h"

namespace halftone {

// Proves bounds of a model whose loss joins all variables, by splitting it into parts. The loss is
// written as a convex quadratic form with the given blocks between the choices of each variable:
// any blocks are exact, since one choice is taken, as long as the form is positive semi-definite,
// which is checked here. Each part's bound is that of a tangent with multipliers of the limits.
// Borrows the model. Not thread-safe.
class VerifyQuadratic {
 public:
  enum class End { kProven, kFound, kNoEffortLeft };

  // Blocks by [variable][choice, choice].
  VerifyQuadratic(const VerifyModel& model, const std::vector<std::vector<double>>& blocks);

  // Whether the form is convex: nothing can be proven otherwise.
  bool is_convex() const { return is_convex_; }

  // Bounds all selections together. Whether no loss below `cutoff` is left; else `allowed` are the
  // columns that a selection with such a loss may contain.
  bool Start(double cutoff);
  const std::vector<char>& allowed() const { return whole_.allowed; }

  // After Start: whether no selection within the limits has a loss below `cutoff`: that is proven,
  // one was found, or `max_parts` were not enough.
  End Prove(double cutoff, int max_parts, const Cancellation& cancellation);

  // After Prove: what no selection's loss is below, or the cutoff, if that is less.
  double bound() const { return bound_; }
  const std::vector<size_t>& found() const { return found_; }

 private:
  struct Part {
    std::vector<char> allowed;   // [column]
    std::vector<double> x;       // [column]: fractions to start from
    std::vector<double> lambda;  // [limit]
    double bound = 0;            // of its selections
  };

  void MakeForm(const std::vector<std::vector<double>>& blocks);
  bool HasPositivePivots() const;
  void ComputeGradient(const std::vector<double>& x);
  void Spread(Part& part) const;
  void Descend(Part& part);
  double BoundOf(const Part& part, std::vector<double>& reduced);
  // Improves the part's bound, and forbids what it rules out; whether it reaches the cutoff.
  bool Close(Part& part, double cutoff, int rounds);
  bool IsSingle(const Part& part, std::vector<size_t>& selection) const;
  bool Fits(const std::vector<double>& totals) const;
  std::vector<Part> Split(const Part& part) const;

  const VerifyModel& model_;
  VerifyProgram program_;
  std::vector<size_t> first_;      // column of each variable's first choice; then the end
  std::vector<double> form_;       // [column][column]
  std::vector<double> linear_;     // [column]
  std::vector<double> gradient_;   // [column]
  std::vector<double> cost_sums_;  // [limit], at the fractions
  std::vector<double> scale_;      // [limit]: what is 1 of it
  bool is_convex_ = false;
  Part whole_;
  double bound_ = 0;
  std::vector<size_t> found_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_VERIFY_QUADRATIC_H_
