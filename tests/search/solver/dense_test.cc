#include "search/solver/dense.h"

#include <algorithm>
#include <cmath>
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

Stop Never() { return {{}, SteadyTime::InfiniteFuture()}; }

bool HasFactor(size_t n, std::vector<double> matrix, double pivot, Stop& stop) {
  return HasCholeskyFactor(n, matrix, pivot, stop);
}

// Sizes below, at and beyond a block of pivots.
TEST(DenseTest, TheInverseTimesTheMatrixIsTheUnitMatrix) {
  for (const size_t n : {1u, 3u, 37u, 128u, 129u, 300u}) {
    const std::vector<double> matrix = RandomMatrix(n);
    std::vector<double> inverse = matrix;
    Stop stop = Never();
    ASSERT_TRUE(InvertPositiveDefinite(n, inverse, stop));
    Mirror(n, inverse);
    double worst = 0;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) {
        double product = i == j ? -1 : 0;
        for (size_t k = 0; k < n; ++k) product += matrix[i * n + k] * inverse[j * n + k];
        worst = std::max(worst, std::abs(product));
      }
    }
    EXPECT_LT(worst, 1e-9);
  }
}

TEST(DenseTest, OnlyPositiveDefiniteMatricesHaveFactors) {
  for (const size_t n : {1u, 3u, 37u, 128u, 129u, 300u}) {
    std::vector<double> matrix = RandomMatrix(n);
    Stop stop = Never();
    EXPECT_TRUE(HasFactor(n, matrix, 1e-3, stop));
    EXPECT_FALSE(HasFactor(n, matrix, 1e6, stop));
    matrix[n * n - 1] = -1;
    EXPECT_FALSE(HasFactor(n, matrix, 1e-3, stop));
    EXPECT_FALSE(InvertPositiveDefinite(n, matrix, stop));
  }
}

TEST(DenseTest, ProductsAreAddedOnAndAboveTheDiagonal) {
  constexpr size_t n = 70, rows = 5;
  std::vector<double> left(rows * n), right(rows * n), matrix(n * n, 0.5);
  SplitMix64 random(1);
  for (double& value : left) value = random.Uniform();
  for (size_t i = 0; i < left.size(); ++i) right[i] = -2 * left[i];
  Stop stop = Never();
  ASSERT_TRUE(AddSymmetricProduct(n, left, right, matrix, stop));
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double expected = 0.5;
      for (size_t r = 0; r < rows && i <= j; ++r) expected += left[r * n + i] * right[r * n + j];
      EXPECT_NEAR(matrix[i * n + j], expected, 1e-12);
    }
  }
  Mirror(n, matrix);
  for (size_t i = 0; i < n; ++i) EXPECT_EQ(matrix[(n - 1) * n + i], matrix[i * n + n - 1]);
}

// What a size costs is known, and how much of it may pass unasked: some 0.1 s of a slow core.
TEST(DenseTest, LargeMatricesAskOftenWhetherToStop) {
  constexpr size_t n = 1200;
  constexpr double most = 1e9;  // operations
  std::vector<double> matrix(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) matrix[i * n + i] = 1;
  const std::vector<double> rows(500 * n, 1e-3);
  Stop stop = Never();
  ASSERT_TRUE(AddSymmetricProduct(n, rows, rows, matrix, stop));
  EXPECT_GE(double(stop.questions()), double(n) * n * 500 / most);
  Stop factorizing = Never();
  ASSERT_TRUE(HasFactor(n, matrix, 0.5, factorizing));
  EXPECT_GE(double(factorizing.questions()), double(n) * n * n / 3 / most);
  Stop inverting = Never();
  ASSERT_TRUE(InvertPositiveDefinite(n, matrix, inverting));
  EXPECT_GE(double(inverting.questions()), double(n) * n * n / most);
}

TEST(DenseTest, CopiesAreWholeOrStopped) {
  const std::vector<double> from(3'000'000, 1.5);
  std::vector<double> to(7);
  Stop stop = Never();
  ASSERT_TRUE(Copy(from, to, stop));
  EXPECT_EQ(to, from);
  EXPECT_GE(stop.questions(), 2);
  Stop first({}, SteadyTime::InfiniteFuture(), 1);
  EXPECT_FALSE(Copy(from, to, first));
}

TEST(DenseTest, EveryQuestionCanEndIt) {
  constexpr size_t n = 400;
  const std::vector<double> matrix = RandomMatrix(n), rows(3 * n, 1.0);
  Stop counting = Never();
  ASSERT_TRUE(HasFactor(n, matrix, 0, counting));
  ASSERT_GT(counting.questions(), 2);
  for (int64_t most = 0; most < counting.questions(); ++most) {
    std::vector<double> lost = matrix;
    Stop first({}, SteadyTime::InfiniteFuture(), most), second = first, third = first;
    EXPECT_FALSE(HasFactor(n, matrix, 0, first));
    EXPECT_FALSE(InvertPositiveDefinite(n, lost, second));
    EXPECT_TRUE(second.stopped());
    const bool added = AddSymmetricProduct(n, rows, rows, lost, third);
    EXPECT_EQ(added, !third.stopped());
  }
}

}  // namespace
}  // namespace halftone
