#ifndef HALFTONE_SEARCH_SENSITIVITY_LANCZOS_H_
#define HALFTONE_SEARCH_SENSITIVITY_LANCZOS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace halftone {

// Eigenvalues of a symmetric tridiagonal matrix, falling, and the last component of each normalized
// eigenvector. `diagonal` has one element at least, and one more than `off_diagonal`.
struct SmallEigen {
  std::vector<double> values;
  std::vector<double> last_components;
};
SmallEigen TridiagonalEigen(const std::vector<double>& diagonal,
                            const std::vector<double>& off_diagonal);

// The largest eigenvalues of a symmetric operator known by its products: the Lanczos iteration with
// full re-orthogonalisation (Golub and Van Loan, section 10.3). The caller multiplies `vector()`
// and hands the product to Advance, until done(). Not thread-safe.
class Lanczos {
 public:
  // `wanted` eigenvalues of an operator of dimension `size`, each until the bound on its distance
  // from an eigenvalue is under `tolerance` times the largest, in at most `max_steps` products.
  Lanczos(size_t size, size_t wanted, size_t max_steps, double tolerance, uint64_t seed);

  const std::vector<double>& vector() const { return basis_.back(); }
  void Advance(absl::Span<const double> product);
  bool done() const { return done_; }
  // The largest ones, falling; of what the steps so far have shown.
  std::vector<double> Eigenvalues() const;

 private:
  size_t wanted_;
  size_t max_steps_;
  double tolerance_;
  bool done_ = false;
  std::vector<std::vector<double>> basis_;  // orthonormal; the last one is to be multiplied next
  std::vector<double> diagonal_, off_diagonal_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_LANCZOS_H_
