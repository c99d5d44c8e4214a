#include "server/jobs/compute_gate.h"

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "base/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using Pass = ComputeGate::Pass;

// Somebody who keeps the pass until the test takes it away, and notes in the common log when it
// came.
class Visitor {
 public:
  Visitor(ComputeGate* gate, std::string name, std::vector<std::string>* log,
          Cancellation cancellation = {})
      : cancellation_(std::move(cancellation)) {
    gate->Enter(cancellation_, [=, this](absl::StatusOr<std::unique_ptr<Pass>> pass) {
      log->push_back(name);
      status = pass.status();
      if (pass.ok()) pass_ = *std::move(pass);
    });
  }
  bool IsIn() const { return pass_ != nullptr; }
  void Leave() { pass_.reset(); }
  void Cancel() { cancellation_.Cancel(); }

  std::optional<absl::Status> status;  // none while it waits

 private:
  Cancellation cancellation_;
  std::unique_ptr<Pass> pass_;
};

TEST(ComputeGateTest, LetsOneInAtATimeInTheOrderInWhichTheyCame) {
  ComputeGate gate;
  std::vector<std::string> log;
  EXPECT_FALSE(gate.IsBusy());
  Visitor a(&gate, "a", &log), b(&gate, "b", &log), c(&gate, "c", &log);
  EXPECT_TRUE(gate.IsBusy());
  EXPECT_THAT(log, ElementsAre("a"));
  a.Leave();
  EXPECT_THAT(log, ElementsAre("a", "b"));
  Visitor d(&gate, "d", &log);
  EXPECT_FALSE(c.IsIn());
  b.Leave();
  EXPECT_TRUE(c.IsIn());
  c.Leave();
  d.Leave();
  EXPECT_THAT(log, ElementsAre("a", "b", "c", "d"));
  EXPECT_FALSE(gate.IsBusy());
}

TEST(ComputeGateTest, WhoIsCancelledIsWithdrawnAndNobodyElse) {
  ComputeGate gate;
  std::vector<std::string> log;
  Visitor a(&gate, "a", &log), b(&gate, "b", &log), c(&gate, "c", &log);
  b.Cancel();
  EXPECT_FALSE(b.status.has_value()) << "nobody was told yet";
  gate.WithdrawCancelled();
  EXPECT_TRUE(absl::IsCancelled(*b.status));
  EXPECT_FALSE(c.status.has_value());
  a.Leave();
  EXPECT_TRUE(c.IsIn());
  EXPECT_THAT(log, ElementsAre("a", "b", "c"));
}

TEST(ComputeGateTest, WhoIsCancelledGetsNoPass) {
  ComputeGate gate;
  std::vector<std::string> log;
  Visitor a(&gate, "a", &log), b(&gate, "b", &log), c(&gate, "c", &log);
  b.Cancel();
  a.Leave();
  EXPECT_TRUE(absl::IsCancelled(*b.status));
  EXPECT_TRUE(c.IsIn());
  Cancellation cancelled;
  cancelled.Cancel();
  const Visitor d(&gate, "d", &log, cancelled);
  EXPECT_TRUE(absl::IsCancelled(*d.status)) << "before it waits";
}

TEST(ComputeGateTest, DeadlinesEndTheWaiting) {
  FakeSteadyClock clock;
  Cancellation cancellation(clock);
  cancellation.SetDeadline(clock.Now() + absl::Seconds(1));
  ComputeGate gate;
  std::vector<std::string> log;
  Visitor a(&gate, "a", &log), b(&gate, "b", &log, cancellation);
  gate.WithdrawCancelled();
  EXPECT_FALSE(b.status.has_value());
  clock.Advance(absl::Seconds(2));
  gate.WithdrawCancelled();
  EXPECT_TRUE(absl::IsDeadlineExceeded(*b.status));
}

TEST(ComputeGateTest, RefusesMoreThanMayWait) {
  ComputeGate gate(/*max_waiting=*/2);
  std::vector<std::string> log;
  Visitor a(&gate, "a", &log), b(&gate, "b", &log), c(&gate, "c", &log), d(&gate, "d", &log);
  EXPECT_TRUE(absl::IsResourceExhausted(*d.status));
  EXPECT_THAT(log, ElementsAre("a", "d"));
  b.Cancel();
  gate.WithdrawCancelled();
  const Visitor e(&gate, "e", &log);
  EXPECT_FALSE(e.status.has_value()) << "there is room again";
  a.Leave();
  c.Leave();
  EXPECT_TRUE(e.IsIn());
}

// Tells when it has been asked twice: by then, a thread that looks whether it is late is waiting.
class AskedClock final : public SteadyClock {
 public:
  SteadyTime Now() const override {
    if (++asked_ == 2) waiting.Notify();
    return SteadyTime();
  }
  mutable absl::Notification waiting;

 private:
  mutable std::atomic<int> asked_ = 0;
};

// A stage of a job waits its turn, but is not refused.
TEST(ComputeGateTest, AThreadThatWaitsIsNeverRefused) {
  ComputeGate gate(/*max_waiting=*/1);
  std::vector<std::string> log;
  Visitor a(&gate, "a", &log), b(&gate, "b", &log);
  AskedClock clock;
  Cancellation cancellation(clock);
  cancellation.SetDeadline(SteadyTime::FromBeginning(absl::Hours(1)));
  absl::Status entered = absl::UnknownError("not yet");
  std::thread stage([&] { entered = gate.Enter(cancellation).status(); });
  EXPECT_TRUE(clock.waiting.WaitForNotificationWithTimeout(absl::Minutes(4)));
  a.Leave();
  b.Leave();
  stage.join();
  EXPECT_TRUE(entered.ok()) << entered;
}

TEST(ComputeGateTest, AThreadThatWaitsIsCancelled) {
  ComputeGate gate;
  std::vector<std::string> log;
  Visitor a(&gate, "a", &log);
  Cancellation cancellation;
  absl::Status entered;
  std::thread stage([&] { entered = gate.Enter(cancellation).status(); });
  cancellation.Cancel();
  stage.join();
  EXPECT_TRUE(absl::IsCancelled(entered)) << entered;
  EXPECT_THAT(log, ElementsAre("a"));
}

// As when the pool that would do the work stops: each gives its pass back from within.
TEST(ComputeGateTest, AQueueThatDrainsAtOnceNeedsNoStack) {
  constexpr size_t kMany = 200'000;
  ComputeGate gate(kMany);
  std::vector<std::string> log;
  Visitor first(&gate, "first", &log);
  size_t served = 0;
  for (size_t i = 0; i < kMany; ++i) {
    gate.Enter({}, [&](absl::StatusOr<std::unique_ptr<Pass>> pass) { served += pass.ok(); });
  }
  EXPECT_EQ(served, 0u);
  first.Leave();
  EXPECT_EQ(served, kMany);
}

// Threads that come, wait, are cancelled and leave: two are never in, and each is answered once.
TEST(ComputeGateTest, HoldsUnderManyThreads) {
  constexpr int kThreads = 4, kRounds = 500;
  ComputeGate gate;
  std::atomic<int> inside = 0, most = 0;
  absl::BlockingCounter answers(kThreads * kRounds);
  const auto visit = [&](int round) {
    Cancellation cancellation;
    gate.Enter(cancellation, [&](absl::StatusOr<std::unique_ptr<Pass>> pass) {
      if (pass.ok()) {
        if (++inside > 1) most = 2;
        --inside;
      }
      answers.DecrementCount();
    });
    if (round % 3 == 0) {
      cancellation.Cancel();
      gate.WithdrawCancelled();
    }
    if (round % 7 != 0) return;
    const absl::StatusOr<std::unique_ptr<Pass>> pass = gate.Enter(Cancellation());
    EXPECT_TRUE(pass.ok());
    if (++inside > 1) most = 2;
    --inside;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) visit(round);
    });
  }
  for (std::thread& thread : threads) thread.join();
  answers.Wait();
  EXPECT_EQ(most, 0);
  EXPECT_FALSE(gate.IsBusy());
}

}  // namespace
}  // namespace halftone
