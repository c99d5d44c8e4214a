// Jobs that run together: those that wait for something elsewhere, and the one that works.
#include <atomic>
#include <vector>

#include "absl/synchronization/notification.h"
#include "base/status_macros.h"
#include "base/waiting.h"
#include "tests/server/jobs/failing_job_store.h"
#include "tests/server/jobs/runner_fixture.h"

namespace halftone {
namespace {

using testing::ElementsAre;

// Jobs whose spec is "elsewhere" begin a stage and wait in it until they are let go or cancelled;
// others do what a test says.
class SeveralJobsTest : public JobRunnerTest {
 protected:
  void Start(Pipeline others = SucceedAtOnce) { StartOn(jobs.get(), std::move(others)); }

  void StartOn(JobStore* store, Pipeline others = SucceedAtOnce) {
    runner_ = StartRunnerOn(
        store,
        [this, others](const JobClaim& claim, const JobObserver& observer,
                       const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
          if (claim.spec != "elsewhere") return others(claim, observer, cancellation);
          return WaitElsewhere(observer, cancellation);
        });
  }

  // One that waits by now.
  std::string CreateWaiting() {
    const int before = waiting_;
    const std::string id = CreateJob("elsewhere");
    Await([&] { return waiting_ > before; });
    return id;
  }

  absl::StatusOr<PipelineOutput> WaitElsewhere(const JobObserver& observer,
                                               const Cancellation& cancellation) {
    observer.stage_started(Stage::kProfile, false);
    Awaited(observer.waiting, [&] {
      ++waiting_;
      Await([&] { return let_go_.HasBeenNotified() || !cancellation.Check().ok(); });
      return true;
    });
    HT_RETURN_IF_ERROR(cancellation.Check());
    going_on_ = true;
    observer.stage_finished(Stage::kProfile);
    return PipelineOutput();
  }

  std::atomic<int> waiting_ = 0;        // that have begun to
  std::atomic<bool> going_on_ = false;  // after its wait
  absl::Notification let_go_;
  std::unique_ptr<JobRunner> runner_;
};

TEST_F(SeveralJobsTest, JobsThatWaitKeepNoOtherQueued) {
  Start();
  const std::string one = CreateWaiting(), two = CreateWaiting();
  for (int i = 0; i < 3; ++i) AwaitState(CreateJob("here"), JobState::kSucceeded);
  for (const std::string& id : {one, two}) EXPECT_EQ(Job(id).state, JobState::kRunning);
  let_go_.Notify();
  for (const std::string& id : {one, two}) AwaitState(id, JobState::kSucceeded);
}

TEST_F(SeveralJobsTest, WhoHasWaitedDoesNotGoOnWhileAnotherWorks) {
  std::atomic<bool> both = false;
  Start([&](const JobClaim&, const JobObserver& observer,
            const Cancellation&) -> absl::StatusOr<PipelineOutput> {
    let_go_.Notify();
    Await(observer.is_to_wait);
    both = going_on_.load();
    return PipelineOutput();
  });
  const std::string waiting = CreateWaiting(), here = CreateJob("here");
  AwaitState(here, JobState::kSucceeded);
  AwaitState(waiting, JobState::kSucceeded);
  EXPECT_FALSE(both);
}

TEST_F(SeveralJobsTest, AnOlderJobGoesOnBetweenTheStagesOfAYounger) {
  std::vector<JobState> states;
  std::string waiting;
  Start([&](const JobClaim&, const JobObserver& observer,
            const Cancellation&) -> absl::StatusOr<PipelineOutput> {
    let_go_.Notify();
    Await(observer.is_to_wait);
    states.push_back(Job(waiting).state);
    Awaited(observer.waiting, [] { return true; });
    states.push_back(Job(waiting).state);
    return PipelineOutput();
  });
  waiting = CreateWaiting();
  AwaitState(CreateJob("here"), JobState::kSucceeded);
  EXPECT_THAT(states, ElementsAre(JobState::kRunning, JobState::kSucceeded));
}

TEST_F(SeveralJobsTest, NoMoreAreRunningThanMay) {
  max_jobs = 2;
  JobState first = JobState::kQueued;
  std::string one;
  Start([&](const JobClaim&, const JobObserver&,
            const Cancellation&) -> absl::StatusOr<PipelineOutput> {
    first = Job(one).state;
    return PipelineOutput();
  });
  one = CreateWaiting();
  const std::string two = CreateWaiting(), three = CreateJob("here");
  ASSERT_TRUE(jobs->RequestCancel(one).ok());
  AwaitState(three, JobState::kSucceeded);
  EXPECT_EQ(first, JobState::kCancelled);
  EXPECT_EQ(Job(two).state, JobState::kRunning);
}

TEST_F(SeveralJobsTest, StoppingQueuesAllOfThemAgain) {
  absl::Notification working;
  Start([&](const JobClaim&, const JobObserver& observer,
            const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
    observer.stage_started(Stage::kSolve, false);
    working.Notify();
    return UntilCancelled(cancellation);
  });
  const std::vector<std::string> ids = {CreateWaiting(), CreateWaiting(), CreateJob("here")};
  working.WaitForNotification();
  runner_->Stop();
  for (const std::string& id : ids) EXPECT_EQ(Job(id).state, JobState::kQueued);
  let_go_.Notify();
  Start();
  for (const std::string& id : ids) {
    AwaitState(id, JobState::kSucceeded);
    EXPECT_EQ(Job(id).attempts, 2);
  }
}

TEST_F(SeveralJobsTest, EachIsCancelledByItself) {
  absl::Notification end;
  Start([&](const JobClaim&, const JobObserver& observer,
            const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
    Await([&] { return end.HasBeenNotified() || !cancellation.Check().ok(); });
    HT_RETURN_IF_ERROR(cancellation.Check());
    return PipelineOutput();
  });
  const std::string one = CreateWaiting(), two = CreateWaiting(), here = CreateJob("here");
  AwaitState(here, JobState::kRunning);
  ASSERT_TRUE(jobs->RequestCancel(two).ok());
  AwaitState(two, JobState::kCancelled);
  // This one wants to go on by now, which it may not before the end of the one that works.
  let_go_.Notify();
  ASSERT_TRUE(jobs->RequestCancel(one).ok());
  AwaitState(one, JobState::kCancelled);
  EXPECT_EQ(Job(here).state, JobState::kRunning);
  end.Notify();
  AwaitState(here, JobState::kSucceeded);
}

TEST_F(SeveralJobsTest, AllThatLoseTheirClaimsStop) {
  std::atomic<int> stopped = 0;
  Start([&](const JobClaim& claim, const JobObserver&,
            const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
    if (claim.job.attempts > 1) return PipelineOutput();
    const absl::Status status = UntilCancelled(cancellation);
    ++stopped;
    return status;
  });
  const std::string waiting = CreateWaiting(), here = CreateJob("here");
  AwaitState(here, JobState::kRunning);
  ASSERT_TRUE(jobs->RecoverInterrupted().ok());
  let_go_.Notify();
  for (const std::string& id : {waiting, here}) {
    AwaitState(id, JobState::kSucceeded);
    EXPECT_EQ(Job(id).attempts, 2);
  }
  EXPECT_EQ(stopped, 1);
}

// A death is held against the job in the midst of whose stage it came.
TEST_F(SeveralJobsTest, AStageCountsAsBegunButForItsWait) {
  std::vector<std::string> calls;
  FailingJobStore store(jobs.get(), [&](absl::string_view method) {
    if (method == "BeginStage" || method == "PauseStage") calls.emplace_back(method);
    return absl::OkStatus();
  });
  let_go_.Notify();
  StartOn(&store);
  AwaitState(CreateJob("elsewhere"), JobState::kSucceeded);
  runner_->Stop();
  EXPECT_THAT(calls, ElementsAre("BeginStage", "PauseStage", "BeginStage"));
}

}  // namespace
}  // namespace halftone
