#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace halftone {
namespace {

// First outputs for seed 1234567 of the authors' reference implementation (splitmix64.c, Vigna).
TEST(SplitMix64, MatchesTheReferenceSequence) {
  SplitMix64 random(1234567);
  EXPECT_EQ(random(), 6457827717110365317ull);
  EXPECT_EQ(random(), 3203168211198807973ull);
  EXPECT_EQ(random(), 9817491932198370423ull);
}

TEST(SplitMix64, StreamsOfOneSeedAreUncorrelated) {
  SplitMix64 first(7, 0), second(7, 1);
  double product = 0, sum = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double a = first.Uniform() - 0.5, b = second.Uniform() - 0.5;
    product += a * b;
    sum += a;
  }
  const double stderr_of_mean = std::sqrt(1.0 / 12 / kDraws);
  EXPECT_LT(std::fabs(sum / kDraws), 5 * stderr_of_mean);
  EXPECT_LT(std::fabs(product / kDraws), 5 * stderr_of_mean / std::sqrt(12.0));
}

TEST(SplitMix64, SignsAreBalanced) {
  SplitMix64 random(3);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const float sign = random.Sign();
    ASSERT_EQ(std::fabs(sign), 1.0f);
    sum += sign;
  }
  EXPECT_LT(std::fabs(sum), 5 * std::sqrt(100'000.0));
}

}  // namespace
}  // namespace halftone
