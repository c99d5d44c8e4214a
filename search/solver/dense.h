#ifndef HALFTONE_SEARCH_SOLVER_DENSE_H_
#define HALFTONE_SEARCH_SOLVER_DENSE_H_

#include <cstddef>
#include <vector>

#include "search/solver/stop.h"

namespace halftone {

// Linear algebra of large dense matrices, by Eigen, in pieces of some hundredths of a second
// between which `stop` is asked. A symmetric matrix of size n is stored row after row; only what is
// on and above its diagonal is read and written, but by Mirror.

// Replaces a positive definite matrix by its inverse. False, and the matrix is lost, when it is
// numerically not positive definite, or when stopped.
bool InvertPositiveDefinite(size_t n, std::vector<double>& matrix, Stop& stop);

// Whether the matrix, which is lost, has in floating point a Cholesky factor with pivots of at
// least `pivot`. False when stopped.
bool HasCholeskyFactor(size_t n, std::vector<double>& matrix, double pivot, Stop& stop);

// matrix += left' right,  a product that is known to be symmetric, of [rows][n] matrices. False,
// and part of it is added, when stopped.
bool AddSymmetricProduct(size_t n, const std::vector<double>& left,
                         const std::vector<double>& right, std::vector<double>& matrix, Stop& stop);

// Replaces `to`, in its own memory where that suffices: new memory costs more than to fill it.
// False, and part of it is there, when stopped.
bool Copy(const std::vector<double>& from, std::vector<double>& to, Stop& stop);

// Copies what is above the diagonal below it.
void Mirror(size_t n, std::vector<double>& matrix);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_DENSE_H_
