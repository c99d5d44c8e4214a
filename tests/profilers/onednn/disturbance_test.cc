#include "profilers/onednn/disturbance.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/cost_table.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

PlanTimes Times(double steps_ns, double whole_ns, double least_ns) {
  PlanTimes times;
  times.steps = {{.latency_ns = 0.4 * steps_ns}, {.latency_ns = 0.6 * steps_ns}};
  times.whole.latency_ns = whole_ns;
  times.least_ns = least_ns;
  return times;
}

MeasurementOptions SlowdownAlone() {
  MeasurementOptions options;
  options.least_processor_share = 0;
  return options;
}

TEST(DisturbanceTest, NothingSeenIsNotDisturbed) {
  const Disturbance disturbance(MeasurementOptions(), 2);
  EXPECT_FALSE(disturbance.IsDisturbed());
  EXPECT_EQ(disturbance.Warning(), "");
}

TEST(DisturbanceTest, RunsNearTheirFastestStepsAreTheNetworks) {
  Disturbance disturbance(SlowdownAlone(), 1);
  disturbance.See(Times(115'000, 113'000, 100'000));
  EXPECT_DOUBLE_EQ(disturbance.Slowdown(), 1.15);
  EXPECT_EQ(disturbance.Warning(), "");
}

// What was seen: a ViT whose least of many runs took 362 us, reported with 1,557 to 2,787 us.
TEST(DisturbanceTest, OnePlanFarFromItsFastestStepsDisturbsTheMeasurement) {
  Disturbance disturbance(SlowdownAlone(), 2);
  disturbance.See(Times(1'557'000, 1'600'000, 362'000));
  disturbance.See(Times(400'000, 390'000, 362'000));
  EXPECT_TRUE(disturbance.IsDisturbed());
  EXPECT_THAT(disturbance.Warning(), StartsWith(kDisturbedWarning));
  EXPECT_THAT(disturbance.Warning(), HasSubstr("4.4 times slower"));
}

TEST(DisturbanceTest, WholeRunsCountAsTheirStepsDo) {
  Disturbance disturbance(SlowdownAlone(), 2);
  disturbance.See(Times(400'000, 2'787'000, 362'000));
  EXPECT_THAT(disturbance.Warning(), HasSubstr("7.7 times slower"));
}

TEST(DisturbanceTest, AProcessThatSleepsGetsLittleOfTheProcessors) {
  MeasurementOptions options;
  Disturbance disturbance(options, 2);
  disturbance.Start();
  absl::SleepFor(absl::Milliseconds(50));
  disturbance.Stop();
  EXPECT_LT(disturbance.ProcessorShare(), options.least_processor_share);
  EXPECT_THAT(disturbance.Warning(), HasSubstr("of 2 processors"));
}

}  // namespace
}  // namespace halftone
