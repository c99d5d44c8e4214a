#include "server/services/worker_pool.h"

#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/await.h"

namespace halftone {
namespace {

TEST(WorkerPoolTest, RunsEverythingThatItTook) {
  std::atomic<int> done = 0;
  absl::BlockingCounter counter(100);
  WorkerPool pool(3, 1000);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool.Submit({},
                            [&] {
                              ++done;
                              counter.DecrementCount();
                            })
                    .ok());
  }
  counter.Wait();
  EXPECT_EQ(done, 100);
}

// Returns when one thread is at work, until it is released.
void KeepBusy(WorkerPool& pool, absl::Notification& release) {
  absl::Notification running;
  ASSERT_TRUE(pool.Submit({},
                          [&] {
                            running.Notify();
                            release.WaitForNotification();
                          })
                  .ok());
  running.WaitForNotification();
}

TEST(WorkerPoolTest, RefusesMoreThanMayWait) {
  absl::Notification release;
  WorkerPool pool(1, 1);
  KeepBusy(pool, release);
  EXPECT_TRUE(pool.Submit({}, [] {}).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(pool.Submit({}, [] {})));
  release.Notify();
}

TEST(WorkerPoolTest, ClientsTakeTurnsAndNoneTakesAllPlaces) {
  absl::Notification release;
  std::string order;
  {
    WorkerPool pool(1, 6);
    KeepBusy(pool, release);
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(pool.Submit(
                          {}, [&] { order += 'a'; }, "a")
                      .ok());
    }
    EXPECT_TRUE(absl::IsResourceExhausted(pool.Submit(
        {}, [&] { order += 'a'; }, "a")));
    EXPECT_TRUE(pool.Submit(
                        {}, [&] { order += 'b'; }, "b")
                    .ok());
    EXPECT_TRUE(pool.Submit({}, [&] { order += '-'; }).ok());
    EXPECT_TRUE(pool.Submit(
                        {}, [&] { order += 'b'; }, "b")
                    .ok());
    EXPECT_TRUE(absl::IsResourceExhausted(pool.Submit(
        {}, [&] { order += 'c'; }, "c")));
    release.Notify();
  }
  EXPECT_EQ(order, "ab-aba");
}

// What one client wants for long leaves threads to the others.
TEST(WorkerPoolTest, AClientHasNoMoreThreadsThanItMay) {
  absl::Notification release, served;
  std::atomic<int> begun = 0;
  WorkerPool pool(3, 10, /*most_of_client=*/2);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(pool.Submit(
                        {},
                        [&] {
                          ++begun;
                          release.WaitForNotification();
                        },
                        "a")
                    .ok());
  }
  EXPECT_TRUE(pool.Submit(
                      {}, [&] { served.Notify(); }, "b")
                  .ok());
  served.WaitForNotification();
  EXPECT_LE(begun, 2);
  release.Notify();
  pool.Stop();
  EXPECT_EQ(begun, 4);
}

TEST(WorkerPoolTest, StoppingCancelsWhatRunsAndWhatWaits) {
  absl::Notification running;
  std::atomic<int> cancelled = 0;
  WorkerPool pool(1, 10);
  Cancellation first, second;
  ASSERT_TRUE(pool.Submit(first,
                          [&] {
                            running.Notify();
                            Await([&] { return first.IsCancelled(); });
                            ++cancelled;
                          })
                  .ok());
  ASSERT_TRUE(pool.Submit(second, [&] { cancelled += second.IsCancelled(); }).ok());
  running.WaitForNotification();
  pool.Stop();
  EXPECT_EQ(cancelled, 2);
  EXPECT_TRUE(pool.stopping());
  EXPECT_TRUE(absl::IsUnavailable(pool.Submit({}, [] {})));
}

}  // namespace
}  // namespace halftone
