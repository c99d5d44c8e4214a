#include "base/statistics.h"

#include <gtest/gtest.h>

namespace halftone {
namespace {

TEST(Median, IsTheMiddleOrTheMeanOfTheTwo) {
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({4, 1, 10, 2}), 3);
  EXPECT_EQ(Median({7, 7}), 7);
}

}  // namespace
}  // namespace halftone
