#ifndef HALFTONE_SEARCH_SOLVER_DENSE_H_
#define HALFTONE_SEARCH_SOLVER_DENSE_H_

#include <cstddef>
#include <vector>

namespace halftone {

// out[i] += sum_k factors[k] * rows[k * stride + i]  for begin <= i < end.
void AddScaledRows(const double* factors, size_t count, const double* rows, size_t stride,
                   size_t begin, size_t end, double* out);

// Symmetric matrices of size n, stored in full, row after row.

// Replaces a positive definite matrix by its inverse, by Gauss-Jordan elimination without pivoting.
// False, and the matrix is lost, when a pivot is not positive.
bool InvertPositiveDefinite(size_t n, std::vector<double>& matrix);

// Whether the matrix, in floating point, has a Cholesky factor with pivots of at least `pivot`.
bool HasCholeskyFactor(size_t n, std::vector<double> matrix, double pivot);

// c = a * b, for square matrices of size n.
std::vector<double> Multiply(size_t n, const std::vector<double>& a, const std::vector<double>& b);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_DENSE_H_
