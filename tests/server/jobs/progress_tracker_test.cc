#include "server/jobs/progress_tracker.h"

#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);
constexpr Stage kStages[] = {Stage::kImport,      Stage::kCalibrate, Stage::kProfile,
                             Stage::kSensitivity, Stage::kSolve,     Stage::kRefine,
                             Stage::kValidate,    Stage::kExport};

TEST(ProgressTrackerTest, NothingIsKnownBeforeTheFirstStage) {
  const JobProgress progress = ProgressTracker().At(kStart);
  EXPECT_FALSE(progress.stage.has_value());
  EXPECT_EQ(progress.fraction, 0);
  EXPECT_LT(progress.eta_seconds, 0);
}

TEST(ProgressTrackerTest, FractionRisesToOne) {
  ProgressTracker tracker;
  double last = 0;
  for (const Stage stage : kStages) {
    tracker.StageStarted(stage, false, kStart);
    EXPECT_GE(tracker.At(kStart).fraction, last - 1e-12);
    tracker.StageProgressed(0.5);
    tracker.StageProgressed(0.25);  // never back
    EXPECT_EQ(tracker.At(kStart).stage_fraction, 0.5);
    tracker.StageFinished();
    EXPECT_GT(tracker.At(kStart).fraction, last);
    last = tracker.At(kStart).fraction;
  }
  EXPECT_NEAR(last, 1, 1e-9);
}

TEST(ProgressTrackerTest, AnEvenPaceGivesTheExactTimeLeft) {
  ProgressTracker tracker;
  absl::Time now = kStart;
  for (const Stage stage : kStages) {
    tracker.StageStarted(stage, false, now);
    const double before = tracker.At(now).fraction;
    tracker.StageProgressed(1);
    // 100 s in all, spent as the shares say.
    now = kStart + absl::Seconds(100 * tracker.At(now).fraction);
    tracker.StageFinished();
    if (before > 0.05) {
      EXPECT_NEAR(tracker.At(now).eta_seconds, 100 * (1 - tracker.At(now).fraction), 1e-6);
    }
  }
}

TEST(ProgressTrackerTest, APlanOfItsOwnIsFollowed) {
  constexpr PlannedStage kPlan[] = {
      {Stage::kValidate, 0.6}, {Stage::kSensitivity, 0.3}, {Stage::kExport, 0.1}};
  ProgressTracker tracker;
  tracker.StagesPlanned(kPlan);
  tracker.StageStarted(Stage::kValidate, false, kStart);
  tracker.StageProgressed(0.5);
  EXPECT_NEAR(tracker.At(kStart).fraction, 0.3, 1e-9);
  // Half of the first stage took 30 s.
  EXPECT_NEAR(tracker.At(kStart + absl::Seconds(30)).eta_seconds, 70, 1e-6);
  tracker.StageFinished();
  tracker.StageStarted(Stage::kSensitivity, false, kStart);
  EXPECT_NEAR(tracker.At(kStart).fraction, 0.6, 1e-9);
  tracker.StageFinished();
  tracker.StageStarted(Stage::kExport, false, kStart);
  tracker.StageFinished();
  EXPECT_NEAR(tracker.At(kStart).fraction, 1, 1e-9);
}

TEST(ProgressTrackerTest, ReusedStagesSayNothingAboutSpeed) {
  ProgressTracker tracker;
  for (const Stage stage : {Stage::kImport, Stage::kCalibrate, Stage::kProfile}) {
    tracker.StageStarted(stage, true, kStart);
    tracker.StageFinished();
  }
  EXPECT_GT(tracker.At(kStart).fraction, 0.3);
  EXPECT_LT(tracker.At(kStart).eta_seconds, 0);
  tracker.StageStarted(Stage::kSensitivity, false, kStart);
  tracker.StageProgressed(1);
  // 44 % of the work took 22 s; what is left is a fifth.
  EXPECT_NEAR(tracker.At(kStart + absl::Seconds(22)).eta_seconds, 10, 1e-6);
}

}  // namespace
}  // namespace halftone
