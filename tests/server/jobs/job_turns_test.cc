#include "server/jobs/job_turns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/await.h"

namespace halftone {
namespace {

using testing::ElementsAre;

TEST(JobTurnsTest, ANewJobBeginsOnceTheLastOneHasEnded) {
  JobTurns turns(2);
  auto first = turns.Begin();
  EXPECT_TRUE(turns.IsTaken());
  std::vector<int> order;
  std::thread other([&] {
    auto second = turns.Begin();
    order.push_back(2);
  });
  order.push_back(1);
  first.reset();
  other.join();
  EXPECT_THAT(order, ElementsAre(1, 2));
  EXPECT_FALSE(turns.IsTaken());
}

TEST(JobTurnsTest, ANewJobBeginsWhileAnotherWaits) {
  JobTurns turns(2);
  auto first = turns.Begin();
  first->Lend();
  EXPECT_FALSE(first->is_held());
  auto second = turns.Begin();
  EXPECT_TRUE(second->is_held());
}

TEST(JobTurnsTest, TheOldestThatWantsToGoesOnFirst) {
  JobTurns turns(3);
  auto oldest = turns.Begin();
  oldest->Lend();
  auto older = turns.Begin();
  older->Lend();
  auto working = turns.Begin();
  EXPECT_FALSE(working->IsWantedByOlder());
  std::vector<int> order;  // under the turn
  const auto go_on = [&](JobTurns::Turn* turn, int number) {
    turn->TakeBack({});
    order.push_back(number);
    turn->Lend();
  };
  std::thread second(go_on, older.get(), 2);
  Await([&] { return working->IsWantedByOlder(); });
  EXPECT_FALSE(older->IsWantedByOlder());
  std::thread first(go_on, oldest.get(), 1);
  Await([&] { return older->IsWantedByOlder(); });
  working.reset();
  first.join();
  second.join();
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(JobTurnsTest, WhoWantsToGoOnIsBeforeANewJob) {
  JobTurns turns(3);
  auto waiting = turns.Begin();
  waiting->Lend();
  auto working = turns.Begin();
  std::vector<int> order;  // under the turn
  std::thread one([&] {
    waiting->TakeBack({});
    order.push_back(1);
    waiting.reset();
  });
  Await([&] { return working->IsWantedByOlder(); });
  std::thread another([&] {
    auto turn = turns.Begin();
    order.push_back(2);
  });
  working.reset();
  one.join();
  another.join();
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(JobTurnsTest, WhoIsCancelledWaitsNoLonger) {
  JobTurns turns(2);
  auto waiting = turns.Begin();
  waiting->Lend();
  auto working = turns.Begin();
  Cancellation cancellation;
  std::thread one([&] { waiting->TakeBack(cancellation); });
  Await([&] { return working->IsWantedByOlder(); });
  cancellation.Cancel();
  one.join();
  EXPECT_FALSE(waiting->is_held());
  EXPECT_FALSE(working->IsWantedByOlder());
  waiting.reset();
  EXPECT_TRUE(turns.IsTaken()) << "the one that works has it still";
}

TEST(JobTurnsTest, NobodyWaitsOnceItIsStopped) {
  JobTurns turns(2);
  auto waiting = turns.Begin();
  waiting->Lend();
  auto working = turns.Begin();
  std::thread one([&] { waiting->TakeBack({}); });
  std::unique_ptr<JobTurns::Turn> third;
  std::thread another([&] { third = turns.Begin(); });
  turns.Stop();
  one.join();
  another.join();
  EXPECT_FALSE(waiting->is_held());
  EXPECT_EQ(third, nullptr);
}

}  // namespace
}  // namespace halftone
