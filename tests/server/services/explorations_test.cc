#include "server/services/explorations.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using TurnPtr = std::shared_ptr<Explorations::Turn>;

// What was answered, in order, and the turns.
struct Log {
  Explorations::Entered As(const std::string& name) {
    return [this, name](absl::StatusOr<TurnPtr> turn) {
      lines.push_back(
          absl::StrCat(name, turn.ok() ? (*turn == nullptr ? " closed" : " in") : " refused"));
      if (turn.ok()) turns.push_back(*turn);
    };
  }
  std::vector<std::string> lines;
  std::vector<TurnPtr> turns;
};

TEST(ExplorationsTest, EachJobHasTurnsOfItsOwn) {
  Explorations explorations;
  Log log;
  explorations.Enter("x", {}, log.As("a"));
  explorations.Enter("x", {}, log.As("b"));
  explorations.Enter("y", {}, log.As("c"));
  explorations.EnterIfOpen("x", {}, log.As("d"));
  explorations.EnterIfOpen("z", {}, log.As("e"));
  EXPECT_THAT(log.lines, ElementsAre("a in", "c in", "e closed"));
  log.turns[0].reset();
  EXPECT_THAT(log.lines, ElementsAre("a in", "c in", "e closed", "b in"));
  log.turns.back().reset();
  EXPECT_EQ(log.lines.back(), "d in");
}

TEST(ExplorationsTest, WhoIsCancelledWaitsNoLonger) {
  Explorations explorations;
  Log log;
  Cancellation cancellation;
  explorations.Enter("x", {}, log.As("a"));
  explorations.Enter("x", cancellation, log.As("b"));
  cancellation.Cancel();
  explorations.WithdrawCancelled("y");
  EXPECT_THAT(log.lines, ElementsAre("a in"));
  explorations.WithdrawCancelled("x");
  EXPECT_THAT(log.lines, ElementsAre("a in", "b refused"));
}

TEST(ExplorationsTest, CallsThatCameToNothingLeaveNothing) {
  Explorations explorations;
  Log log;
  for (int i = 0; i < 3; ++i) {
    explorations.Enter(absl::StrCat("x", i), {}, log.As("in"));
    const absl::StatusOr<Explorer*> explorer = log.turns.back()->Get(
        []() -> absl::StatusOr<Explorations::Opened> { return absl::DataLossError("no"); });
    EXPECT_TRUE(absl::IsDataLoss(explorer.status()));
    EXPECT_TRUE(log.turns.back()->Flush().ok());
    log.turns.clear();
  }
  explorations.EnterIfOpen("x0", {}, log.As("x0"));
  EXPECT_EQ(log.lines.back(), "x0 closed");
}

// As of a server that stops: the turn goes on within the call that gives it back.
TEST(ExplorationsTest, ATurnThatIsGivenBackAtOnceGoesOn) {
  Explorations explorations;
  Log log;
  explorations.Enter("x", {}, log.As("a"));
  int served = 0;
  for (int i = 0; i < 200; ++i) {
    explorations.Enter("x", {}, [&](absl::StatusOr<TurnPtr> turn) { served += turn.ok(); });
  }
  EXPECT_EQ(served, 0);
  log.turns.clear();
  EXPECT_EQ(served, 200);
}

}  // namespace
}  // namespace halftone
