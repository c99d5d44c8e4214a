#include "server/jobs/job_runner.h"

#include <atomic>
#include <new>
#include <sstream>
#include <thread>

#include "absl/synchronization/notification.h"
#include "server/jobs/patient_store.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/server/jobs/failing_job_store.h"
#include "tests/server/jobs/runner_fixture.h"
#include "tests/server/jobs/scripted_store.h"

namespace halftone {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(JobRunnerTest, RunsQueuedJobsToTheirEnd) {
  const std::string before = CreateJob("first");
  std::vector<std::string> specs;
  auto runner = StartRunner([&](const JobClaim& claim, const JobObserver& observer,
                                const Cancellation&) -> absl::StatusOr<PipelineOutput> {
    specs.push_back(claim.spec);
    observer.stage_started(Stage::kImport, false);
    observer.stage_progress(Stage::kImport, 0.5, "half");
    observer.stage_finished(Stage::kImport);
    PipelineOutput output;
    output.result_json = "{}";
    output.artifacts["report.html"] = *blobs->Store("report");
    return output;
  });
  const std::string after = CreateJob("second");
  AwaitState(before, JobState::kSucceeded);
  AwaitState(after, JobState::kSucceeded);
  runner->Stop();
  EXPECT_THAT(specs, ElementsAre("first", "second"));
  EXPECT_EQ(*blobs->Load(Job(after).result_sha256), "{}");
  EXPECT_EQ(Job(after).artifacts.at("report.html").size_bytes, 6);
  std::vector<JobEventKind> kinds;
  const absl::StatusOr<std::vector<JobEvent>> events = jobs->Events(after, 0, 100);
  ASSERT_TRUE(events.ok()) << events.status();
  for (const JobEvent& event : *events) kinds.push_back(event.kind);
  // The progress of a job that has ended is not kept.
  EXPECT_THAT(kinds, ElementsAre(JobEventKind::kStateChanged, JobEventKind::kStateChanged,
                                 JobEventKind::kStageStarted, JobEventKind::kStageFinished,
                                 JobEventKind::kStateChanged));
}

TEST_F(JobRunnerTest, FailuresAndExceptionsFailTheJobOnly) {
  auto runner = StartRunner([&](const JobClaim& claim, const JobObserver&,
                                const Cancellation&) -> absl::StatusOr<PipelineOutput> {
    if (claim.spec == "error") return absl::InvalidArgumentError("node 'x'");
    if (claim.spec == "memory") throw std::bad_alloc();
    throw std::runtime_error("surprise");
  });
  const std::string error = CreateJob("error"), memory = CreateJob("memory"),
                    surprise = CreateJob("surprise");
  for (const std::string& id : {error, memory, surprise}) AwaitState(id, JobState::kFailed);
  EXPECT_EQ(Job(error).error, absl::InvalidArgumentError("node 'x'"));
  EXPECT_TRUE(absl::IsResourceExhausted(Job(memory).error));
  EXPECT_TRUE(absl::IsInternal(Job(surprise).error));
  EXPECT_THAT(std::string(Job(surprise).error.message()), HasSubstr("surprise"));
}

TEST_F(JobRunnerTest, CancelsARunningJob) {
  absl::Notification running;
  auto runner =
      StartRunner([&](const JobClaim&, const JobObserver& observer,
                      const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
        observer.stage_started(Stage::kSensitivity, false);
        running.Notify();
        return UntilCancelled(cancellation);
      });
  const std::string id = CreateJob();
  running.WaitForNotification();
  ASSERT_TRUE(jobs->RequestCancel(id).ok());
  AwaitState(id, JobState::kCancelled);
}

TEST_F(JobRunnerTest, StoppingQueuesTheRunningJobAgain) {
  const std::string id = CreateJob();
  absl::Notification running;
  auto runner =
      StartRunner([&](const JobClaim&, const JobObserver&,
                      const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
        running.Notify();
        return UntilCancelled(cancellation);
      });
  running.WaitForNotification();
  runner->Stop();
  EXPECT_EQ(Job(id).state, JobState::kQueued);
  runner = StartRunner(
      [](const JobClaim&, const JobObserver&,
         const Cancellation&) -> absl::StatusOr<PipelineOutput> { return PipelineOutput(); });
  AwaitState(id, JobState::kSucceeded);
  EXPECT_EQ(Job(id).attempts, 2);
}

TEST_F(JobRunnerTest, RunsOnlyTheJobThatItIsMeantFor) {
  const std::string first = CreateJob(), second = CreateJob();
  auto runner = StartRunner(
      [](const JobClaim&, const JobObserver&,
         const Cancellation&) -> absl::StatusOr<PipelineOutput> { return PipelineOutput(); },
      second);
  AwaitState(second, JobState::kSucceeded);
  EXPECT_EQ(Job(first).state, JobState::kQueued);
}

TEST_F(JobRunnerTest, AStageWaitsForTheGate) {
  std::atomic<bool> entered = false;
  auto pass = *gate.Enter({});
  auto runner = StartRunner([&](const JobClaim&, const JobObserver& observer,
                                const Cancellation&) -> absl::StatusOr<PipelineOutput> {
    observer.stage_started(Stage::kProfile, false);
    entered = true;
    observer.stage_finished(Stage::kProfile);
    return PipelineOutput();
  });
  const std::string id = CreateJob();
  AwaitTheGatesWaiter();
  EXPECT_FALSE(entered);
  pass.reset();
  AwaitState(id, JobState::kSucceeded);
}

TEST_F(JobRunnerTest, CancellationReachesAJobThatWaitsForTheGate) {
  auto pass = *gate.Enter({});
  auto runner =
      StartRunner([&](const JobClaim&, const JobObserver& observer,
                      const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
        observer.stage_started(Stage::kProfile, false);
        HT_RETURN_IF_ERROR(cancellation.Check());
        return PipelineOutput();
      });
  const std::string id = CreateJob();
  AwaitTheGatesWaiter();
  ASSERT_TRUE(jobs->RequestCancel(id).ok());
  AwaitState(id, JobState::kCancelled);
}

const absl::Status kFullDisk = absl::ResourceExhaustedError("database or disk is full");

TEST_F(JobRunnerTest, OthersComputeWhileAStageWaitsForADiskWithRoom) {
  ScriptedStore disk({kFullDisk, kFullDisk, kFullDisk});
  int others = 0;
  std::vector<bool> held;  // by the job: before, during and after
  auto runner =
      StartRunner([&](const JobClaim&, const JobObserver& observer,
                      const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
        observer.stage_started(Stage::kExport, false);
        held.push_back(gate.IsBusy());
        PatientStore store(&disk, cancellation, observer.disk, [&](absl::Duration) {
          held.push_back(gate.IsBusy());
          gate.Enter({}, [&](auto pass) { others += pass.ok() ? 1 : 0; });
        });
        HT_RETURN_IF_ERROR(store.StoreBlob("artifact").status());
        held.push_back(gate.IsBusy());
        observer.stage_finished(Stage::kExport);
        held.push_back(gate.IsBusy());
        return PipelineOutput();
      });
  AwaitState(CreateJob(), JobState::kSucceeded);
  runner->Stop();
  EXPECT_EQ(others, 3);
  EXPECT_THAT(held, ElementsAre(true, false, false, false, true, false));
}

TEST_F(JobRunnerTest, CancellationReachesAJobThatWaitsForTheGateAgain) {
  ScriptedStore disk({kFullDisk});
  std::unique_ptr<ComputeGate::Pass> other;
  auto runner =
      StartRunner([&](const JobClaim&, const JobObserver& observer,
                      const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
        observer.stage_started(Stage::kExport, false);
        PatientStore store(&disk, cancellation, observer.disk,
                           [&](absl::Duration) { other = *gate.Enter({}); });
        HT_RETURN_IF_ERROR(store.StoreBlob("artifact").status());
        HT_RETURN_IF_ERROR(cancellation.Check());
        return PipelineOutput();
      });
  const std::string id = CreateJob();
  AwaitTheGatesWaiter();
  ASSERT_TRUE(jobs->RequestCancel(id).ok());
  AwaitState(id, JobState::kCancelled);
  runner->Stop();
}

// What is not computed in a stage holds no gate that it could let go of.
TEST_F(JobRunnerTest, WhoHasNoPassGetsNoneByWaiting) {
  ScriptedStore disk({kFullDisk});
  bool held = true;
  auto runner =
      StartRunner([&](const JobClaim&, const JobObserver& observer,
                      const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
        PatientStore store(&disk, cancellation, observer.disk, [](absl::Duration) {});
        HT_RETURN_IF_ERROR(store.LoadStage(Stage::kExport, "key").status());
        held = gate.IsBusy();
        return PipelineOutput();
      });
  AwaitState(CreateJob(), JobState::kSucceeded);
  runner->Stop();
  EXPECT_FALSE(held);
}

// A disk that is full so many times that an end is written, whichever end.
struct FullDisk {
  explicit FullDisk(int times) : left(times) {}
  absl::Status operator()(absl::string_view method) {
    if (method != "Succeed" && method != "Fail") return absl::OkStatus();
    if (left.fetch_sub(1) <= 0) return absl::OkStatus();
    return absl::ResourceExhaustedError("database or disk is full");
  }
  std::atomic<int> left;
};

TEST_F(JobRunnerTest, AJobEndsOnceTheDiskHasRoomForItsEnd) {
  FullDisk disk(7);
  FailingJobStore store(jobs.get(), std::ref(disk));
  auto runner = StartRunnerOn(&store, SucceedAtOnce);
  const std::string id = CreateJob();
  AwaitState(id, JobState::kSucceeded);
  EXPECT_LT(disk.left, 0);
}

TEST_F(JobRunnerTest, AFailureIsWrittenOnceTheDiskHasRoom) {
  FullDisk disk(7);
  FailingJobStore store(jobs.get(), std::ref(disk));
  auto runner = StartRunnerOn(&store,
                              [](const JobClaim&, const JobObserver&,
                                 const Cancellation&) -> absl::StatusOr<PipelineOutput> {
                                return absl::InvalidArgumentError("node 'x'");
                              });
  const std::string id = CreateJob();
  AwaitState(id, JobState::kFailed);
  EXPECT_EQ(Job(id).error, absl::InvalidArgumentError("node 'x'"));
}

TEST_F(JobRunnerTest, AJobWhoseEndCannotBeWrittenIsCancelledAndDeleted) {
  absl::Notification tried;
  std::atomic<int> tries = 0;
  FailingJobStore store(jobs.get(), [&](absl::string_view method) {
    if (method != "Succeed" && method != "Fail") return absl::OkStatus();
    if (++tries == 3) tried.Notify();
    return absl::UnavailableError("database is locked");
  });
  auto runner = StartRunnerOn(&store, SucceedAtOnce);
  const std::string id = CreateJob();
  tried.WaitForNotification();
  EXPECT_EQ(Job(id).state, JobState::kRunning);
  ASSERT_TRUE(jobs->RequestCancel(id).ok());
  AwaitState(id, JobState::kCancelled);
  EXPECT_TRUE(jobs->Delete(id).ok());
}

TEST_F(JobRunnerTest, StoppingDoesNotWaitForADiskThatStaysFull) {
  absl::Notification tried;
  std::atomic<int> tries = 0;
  FailingJobStore store(jobs.get(), [&](absl::string_view method) {
    if (method != "Succeed" && method != "Fail") return absl::OkStatus();
    if (++tries == 1) tried.Notify();
    return absl::ResourceExhaustedError("database or disk is full");
  });
  auto runner = StartRunnerOn(&store, SucceedAtOnce);
  const std::string id = CreateJob();
  tried.WaitForNotification();
  runner->Stop();
  EXPECT_THAT(*jobs->RecoverInterrupted(), ElementsAre(id));
  runner = StartRunner(SucceedAtOnce);
  AwaitState(id, JobState::kSucceeded);
}

// What is logged while it lives.
class LogCapture {
 public:
  LogCapture() {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }
  std::string Text() const { return text_.str(); }

 private:
  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
  std::ostringstream text_;
};

TEST_F(JobRunnerTest, WhatWasInterruptedIsTakenUpFirstOnceTheDiskHasRoom) {
  const LogCapture log;
  const std::string interrupted = CreateJob("interrupted");
  ASSERT_EQ(Claim(), interrupted);
  std::atomic<int> refused = 0;
  std::atomic<bool> has_room = false;
  FailingJobStore store(jobs.get(), [&](absl::string_view method) {
    if (method != "RecoverInterrupted" || has_room) return absl::OkStatus();
    ++refused;
    return kFullDisk;
  });
  std::vector<std::string> specs;
  recover = true;
  auto runner = StartRunnerOn(&store,
                              [&](const JobClaim& claim, const JobObserver&,
                                  const Cancellation&) -> absl::StatusOr<PipelineOutput> {
                                specs.push_back(claim.spec);
                                return PipelineOutput();
                              });
  Await([&] { return refused >= 1; });
  const std::string later = CreateJob("later");
  Await([&] { return refused >= 2; });
  has_room = true;
  for (const std::string& id : {interrupted, later}) AwaitState(id, JobState::kSucceeded);
  runner->Stop();
  EXPECT_THAT(specs, ElementsAre("interrupted", "later"));
  const std::string text = log.Text();
  const size_t told = text.find("taking up jobs");
  EXPECT_NE(told, std::string::npos);
  EXPECT_EQ(text.find("taking up jobs", told + 1), std::string::npos) << text;
}

// A beat that is on its way while its job ends, and comes back before the runner goes on.
class LateBeat {
 public:
  absl::Status operator()(absl::string_view method) {
    if (method == "Succeeded") {
      ended_.Notify();
      // Whoever took the late beat for bad news has said so when the next one begins, if ever.
      beaten_again_.WaitForNotificationWithTimeout(absl::Milliseconds(200));
    }
    if (method != "Heartbeat" || std::this_thread::get_id() == runner_) return absl::OkStatus();
    if (!under_way_.HasBeenNotified()) {
      under_way_.Notify();
      ended_.WaitForNotification();
    } else if (!beaten_again_.HasBeenNotified()) {
      beaten_again_.Notify();
    }
    return absl::OkStatus();
  }
  // On the runner's thread.
  void Await() {
    runner_ = std::this_thread::get_id();
    under_way_.WaitForNotification();
  }

 private:
  std::atomic<std::thread::id> runner_;
  absl::Notification under_way_, ended_, beaten_again_;
};

TEST_F(JobRunnerTest, ABeatThatComesBackAfterTheEndIsNoLoss) {
  const LogCapture log;
  LateBeat beat;
  FailingJobStore store(jobs.get(), std::ref(beat));
  auto runner = StartRunnerOn(&store,
                              [&](const JobClaim&, const JobObserver&,
                                  const Cancellation&) -> absl::StatusOr<PipelineOutput> {
                                beat.Await();
                                return PipelineOutput();
                              });
  const std::string id = CreateJob();
  AwaitState(id, JobState::kSucceeded);
  runner->Stop();
  EXPECT_THAT(log.Text(), HasSubstr("succeeded"));
  EXPECT_THAT(log.Text(), testing::Not(HasSubstr("lost")));
}

TEST_F(JobRunnerTest, ARunnerThatLosesItsClaimAtTheEndSaysSo) {
  const LogCapture log;
  // Takes the job away in the midst of its end.
  FailingJobStore store(jobs.get(), [&](absl::string_view method) {
    if (method == "Succeed") {
      EXPECT_TRUE(jobs->RecoverInterrupted().ok());
    }
    return absl::OkStatus();
  });
  std::atomic<int> runs = 0;
  auto runner = StartRunnerOn(&store,
                              [&](const JobClaim&, const JobObserver&,
                                  const Cancellation&) -> absl::StatusOr<PipelineOutput> {
                                if (++runs == 1) return PipelineOutput();
                                return absl::InvalidArgumentError("node 'x'");
                              });
  const std::string id = CreateJob();
  AwaitState(id, JobState::kFailed);
  runner->Stop();
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(log.Text(), HasSubstr(id + ": stopping the work on it"));
}

TEST_F(JobRunnerTest, ARunnerThatLostItsClaimStopsAndWritesNothing) {
  absl::Notification running, stopped, claimed;
  auto runner =
      StartRunner([&](const JobClaim&, const JobObserver& observer,
                      const Cancellation& cancellation) -> absl::StatusOr<PipelineOutput> {
        running.Notify();
        claimed.WaitForNotification();
        const absl::Status status = UntilCancelled(cancellation);
        observer.stage_started(Stage::kSolve, false);
        stopped.Notify();
        return status;
      });
  const std::string id = CreateJob();
  running.WaitForNotification();
  ASSERT_TRUE(jobs->RecoverInterrupted().ok());
  const absl::StatusOr<std::optional<JobClaim>> other = jobs->Claim(absl::Seconds(30));
  ASSERT_TRUE(other.ok() && other->has_value());
  const int64_t events = Job(id).last_event;
  claimed.Notify();
  stopped.WaitForNotification();
  runner->Stop();
  EXPECT_EQ(Job(id).state, JobState::kRunning);
  EXPECT_EQ(Job(id).last_event, events);
  EXPECT_TRUE(jobs->Succeed(**other, {}).ok());
}

}  // namespace
}  // namespace halftone
