#include "base/memory_reservation.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "base/memory_budget.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(60), kShort = absl::Milliseconds(1);

class MemoryReservationTest : public testing::Test {
 protected:
  MemoryReservationTest() { MemoryBudget::SetLimitBytes(100e6); }
  ~MemoryReservationTest() override { MemoryBudget::SetLimitBytes(0); }

  static absl::StatusOr<MemoryReservation> Take(double bytes, absl::Duration patience = kShort) {
    return MemoryReservation::Take(bytes, patience, Cancellation());
  }
};

TEST_F(MemoryReservationTest, WhoFindsNoRoomIsToldSo) {
  auto one = Take(60e6);
  ASSERT_TRUE(one.ok()) << one.status();
  const absl::Status none = Take(50e6).status();
  EXPECT_TRUE(absl::IsResourceExhausted(none)) << none;
  EXPECT_THAT(std::string(none.message()),
              HasSubstr("about 50.0 MB of memory, of which others hold 60.0 MB of 100 MB"));
  const auto two = Take(40e6);
  EXPECT_TRUE(two.ok()) << two.status();
  *one = MemoryReservation();
  EXPECT_TRUE(Take(60e6).ok());
}

TEST_F(MemoryReservationTest, WhatIsMoreThanTheLimitHasItAlone) {
  const auto all = Take(1e12);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_FALSE(Take(1).ok());
}

TEST_F(MemoryReservationTest, MovingHoldsOnce) {
  auto one = Take(60e6);
  ASSERT_TRUE(one.ok());
  {
    const MemoryReservation moved = *std::move(one);
    EXPECT_FALSE(Take(60e6).ok());
  }
  EXPECT_TRUE(Take(60e6).ok());
}

TEST_F(MemoryReservationTest, ThoseThatWaitHaveTheirTurnsInOrder) {
  auto first = Take(60e6);
  ASSERT_TRUE(first.ok());
  std::vector<int> turns;
  std::atomic<bool> large_waits = false;
  std::thread large([&] {
    large_waits = true;
    const auto held = Take(90e6, kLong);
    ASSERT_TRUE(held.ok()) << held.status();
    turns.push_back(1);
  });
  while (!large_waits) absl::SleepFor(kShort);
  absl::SleepFor(absl::Milliseconds(100));
  // It would fit, but came later.
  EXPECT_FALSE(Take(20e6).ok());
  std::thread small([&] {
    const auto held = Take(20e6, kLong);
    ASSERT_TRUE(held.ok()) << held.status();
    turns.push_back(2);
  });
  absl::SleepFor(absl::Milliseconds(100));
  *first = MemoryReservation();
  large.join();
  small.join();
  EXPECT_THAT(turns, ElementsAre(1, 2));
}

TEST_F(MemoryReservationTest, WhoIsCancelledWaitsNoLonger) {
  const auto one = Take(60e6);
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_TRUE(absl::IsCancelled(MemoryReservation::Take(60e6, kLong, cancellation).status()));
  EXPECT_TRUE(Take(30e6).ok()) << "and keeps nobody from having room";
}

}  // namespace
}  // namespace halftone
