#ifndef HALFTONE_SEARCH_SOLVER_RELAXATION_H_
#define HALFTONE_SEARCH_SOLVER_RELAXATION_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "search/solver/compact.h"
#include "search/solver/convexify.h"
#include "search/solver/elimination.h"
#include "search/solver/stop.h"

namespace halftone {

// The convex relaxation of a problem with `cross`: fractions of choices instead of choices.
// Minimized by coordinate descent, two choices of a variable at a time, on the augmented Lagrangian
// of the limits; the prices of pairs are taken at the product of the two fractions there.
//
// Whatever the fractions x and the multipliers lambda >= 0, they certify a bound: the form is
// convex, so that for every selection z
//   loss(z) >= loss(x) + gradient(x)' (z - x),
// and the least of the right side + lambda' (cost(z) - limit) is a sum over variables, or, with
// pairs, found by bucket elimination. Multipliers that are negative, no numbers, or so large that
// sums would overflow count as 0. Borrows the problem and the form. Not thread-safe.
class Relaxation {
 public:
  struct Point {
    std::vector<double> x;       // [column], one in all for each variable
    std::vector<double> lambda;  // [limit]
  };
  // What holds for every selection that takes allowed columns only.
  struct Bound {
    double loss = 0;              // no less, within the limits
    std::vector<double> lambda;   // [limit]: the multipliers of all this
    std::vector<double> reduced;  // [column]: at least so much more with that column
    double linear_constant = 0;   // loss(z) + lambda' (cost(z) - limit) >= this + sum of priced
    std::vector<double> priced;   // [column], without the prices of pairs
  };

  Relaxation(const CompactProblem& problem, const ConvexForm& form);

  // Even fractions of all allowed columns.
  Point Start(const std::vector<char>& allowed) const;

  // Moves the point towards the minimum and returns the best bound met on the way. Ends when the
  // bound reaches `cutoff`, when it cannot come `tolerance` closer to the minimum, or after
  // `rounds`. With pairs, `reduced` is 0.
  Bound Minimize(const std::vector<char>& allowed, double cutoff, double tolerance, int rounds,
                 Stop& stop, Point& point);

  // The bound at the point as it is, with `reduced` also where there are pairs.
  Bound BoundAt(const std::vector<char>& allowed, const Point& point);

  // The linear problem at the point whose minimum over the selections is a bound: the same limits
  // and pairs, the gradient as losses. Forbidden columns cost `forbidden`.
  CompactProblem Linearize(const Point& point, const std::vector<char>& allowed, double forbidden);

  // How far the form at x is below the mean of the choices of the variable.
  double Looseness(size_t variable, const std::vector<double>& x) const;
  // The curvature between two columns of one variable.
  double Distance(size_t a, size_t b) const;
  size_t FirstColumn(size_t variable) const { return first_[variable]; }

 private:
  struct PairAt {
    const CompactPair* pair;
    bool is_a;
    size_t other;  // variable
  };

  void MoveToAllowed(Point& point) const;
  void ComputeGradient(const std::vector<double>& x);
  void ComputeCosts(const std::vector<double>& x);
  void AddPairPrices(size_t v, const std::vector<double>& change);
  void DescendBlock(size_t v, Point& point);
  bool Step(size_t v, Point& point, std::vector<double>& change);
  double Price(size_t limit, const Point& point) const;
  std::vector<double> Usable(std::vector<double> lambda) const;
  void ChooseStiffness(const Point& point);
  Bound Certify(const std::vector<double>& x, const std::vector<double>& multipliers,
                bool each_column);
  Elimination::Tables MinimizePairs(const Bound& bound, const std::vector<double>& lambda);

  const CompactProblem& problem_;
  const ConvexForm& form_;
  size_t variables_, components_, limits_;
  std::vector<size_t> first_;
  std::vector<std::vector<PairAt>> pairs_of_;
  std::vector<std::vector<double>> cost_;  // [limit][column], from the values
  const std::vector<double> reach_;        // ReachOf the problem
  // Present state of Minimize.
  std::vector<char> allowed_;
  std::vector<double> gradient_;                 // of the form
  std::vector<std::vector<double>> pair_price_;  // [component][column], at the others' fractions
  std::vector<double> total_;                    // [limit]: cost at the fractions
  std::vector<double> prices_;                   // [limit]: in a step
  std::vector<double> stiffness_;                // [limit]: of the augmented Lagrangian
  // With pairs only.
  CompactProblem linear_;
  std::optional<Elimination> elimination_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_RELAXATION_H_
