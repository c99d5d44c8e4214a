#include "server/services/running_solves.h"

#include <memory>

#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(RunningSolvesTest, StopsTheCallsWithThatIdWhileTheyLast) {
  RunningSolves solves;
  Cancellation one, two, other;
  auto first = std::make_unique<RunningSolves::Entry>(&solves, "a", one);
  const RunningSolves::Entry third(&solves, "b", other);
  EXPECT_FALSE(solves.Stop("c"));
  {
    const RunningSolves::Entry second(&solves, "a", two);
    EXPECT_TRUE(solves.Stop("a"));
  }
  EXPECT_TRUE(one.IsCancelled());
  EXPECT_TRUE(two.IsCancelled());
  EXPECT_FALSE(other.IsCancelled());
  EXPECT_TRUE(solves.Stop("a")) << "stopped, and not answered yet";
  first.reset();
  EXPECT_FALSE(solves.Stop("a"));
}

}  // namespace
}  // namespace halftone
