#include "base/progress.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/fake_clock.h"

namespace halftone {
namespace {

TEST(Progress, PartsMapIntoTheWhole) {
  std::vector<double> seen;
  Progress whole;
  whole.report = [&](double fraction, absl::string_view) { seen.push_back(fraction); };
  const Progress half = whole.Part(0.5, 1.0);
  ASSERT_TRUE(half.Step(0.0).ok());
  ASSERT_TRUE(half.Part(0.5, 1.0).Step(1.0).ok());
  ASSERT_TRUE(half.Part(0.0, 0.5).Step(0.5).ok());
  EXPECT_EQ(seen, (std::vector<double>{0.5, 1.0, 0.625}));
}

TEST(Progress, StepTellsOfACancellationFromAnotherThread) {
  Progress progress;
  EXPECT_TRUE(progress.Step(0.1).ok());
  std::thread([cancellation = progress.cancellation]() mutable { cancellation.Cancel(); }).join();
  EXPECT_EQ(progress.Part(0, 0.5).Step(0.2).code(), absl::StatusCode::kCancelled);
}

TEST(Cancellation, DeadlineEndsIt) {
  FakeSteadyClock clock;
  Cancellation cancellation(clock);
  cancellation.SetDeadline(clock.Now() + absl::Hours(1));
  clock.Advance(absl::Hours(1));
  EXPECT_TRUE(cancellation.Check().ok());
  clock.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(cancellation.Check().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(Cancellation, WithoutADeadlineNoTimeEndsIt) {
  FakeSteadyClock clock;
  Cancellation cancellation(clock);
  cancellation.SetDeadline(SteadyTime::InfiniteFuture());
  clock.Advance(absl::Hours(24 * 365 * 100));
  EXPECT_TRUE(cancellation.Check().ok());
}

TEST(SteadyClock, TheMachinesOnlyGoesForward) {
  const SteadyTime first = SteadyClock::Real().Now();
  const SteadyTime second = SteadyClock::Real().Now();
  EXPECT_GE(second, first);
  EXPECT_LT(second, SteadyTime::InfiniteFuture());
  EXPECT_EQ(SteadyTime::InfiniteFuture() - first, absl::InfiniteDuration());
}

TEST(Annotate, KeepsCodeAndPayload) {
  absl::Status status = absl::NotFoundError("gone");
  status.SetPayload("type", absl::Cord("payload"));
  const absl::Status annotated = Annotate(status, "layer 'conv1'");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(annotated.message(), "layer 'conv1': gone");
  EXPECT_EQ(annotated.GetPayload("type"), absl::Cord("payload"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "anything").ok());
}

}  // namespace
}  // namespace halftone
