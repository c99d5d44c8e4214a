#include "search/solver/dense.h"

#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

// A product of a random matrix with its transpose: positive definite.
std::vector<double> RandomMatrix(size_t n) {
  SplitMix64 random(n);
  std::vector<double> factor(n * n), matrix(n * n, 0.0);
  for (double& value : factor) value = random.Uniform() - 0.5;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t k = 0; k < n; ++k) matrix[i * n + j] += factor[i * n + k] * factor[j * n + k];
    }
    matrix[i * n + i] += 0.1;
  }
  return matrix;
}

// Sizes below, at and beyond a panel of pivots.
TEST(DenseTest, TheInverseTimesTheMatrixIsTheUnitMatrix) {
  for (const size_t n : {1u, 3u, 8u, 9u, 16u, 37u}) {
    const std::vector<double> matrix = RandomMatrix(n);
    std::vector<double> inverse = matrix;
    ASSERT_TRUE(InvertPositiveDefinite(n, inverse));
    const std::vector<double> product = Multiply(n, matrix, inverse);
    for (size_t i = 0; i < n * n; ++i) EXPECT_NEAR(product[i], i % (n + 1) == 0 ? 1 : 0, 1e-10);
  }
}

TEST(DenseTest, OnlyPositiveDefiniteMatricesHaveFactors) {
  for (const size_t n : {1u, 3u, 8u, 9u, 16u, 37u}) {
    std::vector<double> matrix = RandomMatrix(n);
    EXPECT_TRUE(HasCholeskyFactor(n, matrix, 1e-3));
    matrix[n * n - 1] = -1;
    EXPECT_FALSE(HasCholeskyFactor(n, matrix, 1e-3));
    EXPECT_FALSE(InvertPositiveDefinite(n, matrix));
  }
}

}  // namespace
}  // namespace halftone
