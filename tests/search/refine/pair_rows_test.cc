#include "search/refine/pair_rows.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

// Layers of two choices each.
Problem WithColumns(size_t columns) {
  Problem problem;
  for (size_t c = 0; c < columns; c += 2) {
    problem.layers.push_back({absl::StrCat("l", c), {{"a", 0, {}}, {"b", 0, {}}}});
  }
  return problem;
}

// R' R for random R, whose columns differ in size by many orders of magnitude.
std::vector<float> RandomGram(size_t rank, size_t columns) {
  SplitMix64 random(3);
  std::vector<double> rows(rank * columns);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = (random.Uniform() - 0.5) * std::pow(10, -static_cast<double>(i % columns % 5));
  }
  std::vector<float> gram(columns * columns);
  for (size_t a = 0; a < columns; ++a) {
    for (size_t b = 0; b < columns; ++b) {
      double sum = 0;
      for (size_t r = 0; r < rank; ++r) sum += rows[r * columns + a] * rows[r * columns + b];
      gram[a * columns + b] = static_cast<float>(sum);
    }
  }
  return gram;
}

TEST(PairRowsTest, GiveTheMatrixBackWithAsManyRowsAsItsRank) {
  constexpr size_t kColumns = 24;
  const std::vector<float> gram = RandomGram(5, kColumns);
  const auto pairs = *FactorPairs(WithColumns(kColumns), gram, {});
  ASSERT_TRUE(pairs.has_value());
  EXPECT_EQ(pairs->choices.size(), kColumns);
  EXPECT_EQ(pairs->choices[3].first, "l2");
  EXPECT_EQ(pairs->choices[3].second, "b");
  EXPECT_EQ(pairs->rows.size(), 5u);
  for (size_t a = 0; a < kColumns; ++a) {
    for (size_t b = 0; b < kColumns; ++b) {
      double product = 0;
      for (const std::vector<double>& row : pairs->rows) product += row[a] * row[b];
      const double size = std::sqrt(double{gram[a * kColumns + a]} * gram[b * kColumns + b]);
      EXPECT_NEAR(product, gram[a * kColumns + b], 3e-6 * size) << a << ", " << b;
    }
  }
}

TEST(PairRowsTest, ChoicesThatDoNothingHaveEmptyColumns) {
  std::vector<float> gram = RandomGram(2, 4);
  for (size_t c = 0; c < 4; ++c) gram[4 + c] = gram[4 * c + 1] = 0;
  const auto pairs = *FactorPairs(WithColumns(4), gram, {});
  ASSERT_TRUE(pairs.has_value());
  for (const std::vector<double>& row : pairs->rows) EXPECT_EQ(row[1], 0);
}

TEST(PairRowsTest, KnowWhatIsNoGramMatrix) {
  // Each is like the next, but the ends are opposite.
  const std::vector<float> gram = {1, 1, -1, 0, 1, 1, 1, 0, -1, 1, 1, 0, 0, 0, 0, 1};
  EXPECT_FALSE(FactorPairs(WithColumns(4), gram, {})->has_value());
  EXPECT_FALSE(FactorPairs(WithColumns(6), gram, {})->has_value()) << "of another size";
}

TEST(PairRowsTest, AreNotSoughtOnceCancelled) {
  Cancellation cancelled;
  cancelled.Cancel();
  const auto pairs = FactorPairs(WithColumns(24), RandomGram(5, 24), cancelled);
  EXPECT_TRUE(absl::IsCancelled(pairs.status())) << pairs.status();
}

}  // namespace
}  // namespace halftone
