// What JobStore promises, for every implementation.
#include <functional>
#include <memory>
#include <ostream>
#include <vector>

#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr absl::Duration kLease = absl::Seconds(30);

// A store on a directory, as one process would open it. The parts outlive the store.
struct OpenStore {
  std::shared_ptr<void> parts;
  std::unique_ptr<JobStore> store;
};

struct Implementation {
  const char* name;
  std::function<OpenStore(const std::string& directory, EventHub* hub, const Clock* clock)> open;
};

void PrintTo(const Implementation& implementation, std::ostream* out) {
  *out << implementation.name;
}

OpenStore OpenSqlite(const std::string& directory, EventHub* hub, const Clock* clock) {
  std::shared_ptr<StateDatabase> database = *StateDatabase::Open(directory);
  OpenStore opened;
  opened.store = std::make_unique<SqliteJobStore>(database.get(), hub, clock);
  opened.parts = std::move(database);
  return opened;
}

class JobStoreContractTest : public testing::TestWithParam<Implementation> {
 protected:
  JobStoreContractTest() : first_(Open()), second_(Open()) {}

  OpenStore Open() { return GetParam().open(directory_.path(), &hub_, &clock_); }
  JobStore& first() { return *first_.store; }
  JobStore& second() { return *second_.store; }

  std::string CreateJob() {
    const absl::StatusOr<JobRecord> job = first().Create({"", "name", "spec"});
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? job->id : "";
  }
  static std::optional<JobClaim> Claim(JobStore& store) {
    absl::StatusOr<std::optional<JobClaim>> claim = store.Claim(kLease);
    EXPECT_TRUE(claim.ok()) << claim.status();
    return claim.ok() ? *std::move(claim) : std::nullopt;
  }
  JobState StateOf(const std::string& id) { return first().Get(id)->state; }

  // Every write of the claim is refused, and none of them changes the job.
  static void ExpectLost(JobStore& store, const JobClaim& claim) {
    const std::string& id = claim.job.id;
    const absl::StatusOr<int64_t> before = store.Revision();
    const std::vector<absl::Status> refused = {
        store.Heartbeat(claim).status(),
        store.BeginStage(claim),
        store.PauseStage(claim),
        store.RecordProgress(claim, JobEventKind::kStageProgress, {}, false, "late"),
        store.Succeed(claim, {}),
        store.Fail(claim, absl::InternalError("late")),
        store.MarkCancelled(claim),
        store.Requeue(claim, "late")};
    for (const absl::Status& status : refused) {
      EXPECT_TRUE(absl::IsAborted(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("jobs/" + id));
    }
    EXPECT_EQ(*store.Revision(), *before);
  }

  TemporaryDirectory directory_;
  FakeClock clock_;
  EventHub hub_;
  OpenStore first_, second_;
};

TEST_P(JobStoreContractTest, ASecondWorkerGetsNoJobThatIsTaken) {
  const std::string one = CreateJob(), two = CreateJob();
  EXPECT_EQ(Claim(first())->job.id, one);
  EXPECT_EQ(Claim(second())->job.id, two);
  EXPECT_FALSE(Claim(second()).has_value());
}

TEST_P(JobStoreContractTest, TokensDiffer) {
  CreateJob();
  CreateJob();
  const std::optional<JobClaim> one = Claim(first()), two = Claim(first());
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_FALSE(one->token.empty());
  EXPECT_NE(one->token, two->token);
}

TEST_P(JobStoreContractTest, AClaimWithAnotherTokenIsRefused) {
  CreateJob();
  std::optional<JobClaim> claim = Claim(first());
  ASSERT_TRUE(claim.has_value());
  for (const char* token : {"", "process 1"}) {
    claim->token = token;
    ExpectLost(first(), *claim);
  }
}

TEST_P(JobStoreContractTest, AnExpiredLeaseIsTakenByAnother) {
  const std::string id = CreateJob();
  ASSERT_TRUE(Claim(first()).has_value());
  clock_.Advance(kLease - absl::Seconds(1));
  EXPECT_FALSE(Claim(second()).has_value());
  clock_.Advance(absl::Seconds(1));
  const std::optional<JobClaim> taken = Claim(second());
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->job.id, id);
  EXPECT_EQ(taken->job.attempts, 2);
}

TEST_P(JobStoreContractTest, HeartbeatsExtendTheLease) {
  CreateJob();
  const std::optional<JobClaim> claim = Claim(first());
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(kLease / 2);
    EXPECT_TRUE(first().Heartbeat(*claim).ok());
    EXPECT_FALSE(Claim(second()).has_value()) << i;
  }
}

TEST_P(JobStoreContractTest, AnExpiredLeaseThatNobodyTookIsStillGood) {
  const std::string id = CreateJob();
  const std::optional<JobClaim> claim = Claim(first());
  clock_.Advance(10 * kLease);
  EXPECT_TRUE(first().Heartbeat(*claim).ok());
  EXPECT_FALSE(Claim(second()).has_value());
  EXPECT_TRUE(first().Succeed(*claim, {}).ok());
  EXPECT_EQ(StateOf(id), JobState::kSucceeded);
}

TEST_P(JobStoreContractTest, APausedWorkerThatWakesUpWritesNothing) {
  const std::string id = CreateJob();
  const std::optional<JobClaim> paused = Claim(first());
  clock_.Advance(kLease);
  const std::optional<JobClaim> taken = Claim(second());
  ASSERT_TRUE(taken.has_value());
  ExpectLost(first(), *paused);
  ASSERT_TRUE(second().Succeed(*taken, {}).ok());
  ExpectLost(first(), *paused);
  EXPECT_EQ(StateOf(id), JobState::kSucceeded);
}

TEST_P(JobStoreContractTest, ARecoveredOrDeletedJobIsLostToItsWorker) {
  const std::string id = CreateJob();
  const std::optional<JobClaim> claim = Claim(first());
  ASSERT_TRUE(second().RecoverInterrupted().ok());
  ExpectLost(first(), *claim);
  ASSERT_TRUE(second().Delete(id).ok());
  ExpectLost(first(), *claim);
}

TEST_P(JobStoreContractTest, ATimeOfDayThatJumpsAheadEndsNoLease) {
  CreateJob();
  ASSERT_TRUE(Claim(first()).has_value());
  clock_.Jump(absl::Hours(24));
  EXPECT_FALSE(Claim(second()).has_value());
}

TEST_P(JobStoreContractTest, ATimeOfDayThatJumpsBackProlongsNoLease) {
  CreateJob();
  ASSERT_TRUE(Claim(first()).has_value());
  clock_.Jump(-absl::Hours(24));
  clock_.Advance(kLease);
  EXPECT_TRUE(Claim(second()).has_value());
}

TEST_P(JobStoreContractTest, ALeaseOfBeforeTheRestartEndsThoughTheClockWasSetBack) {
  CreateJob();
  ASSERT_TRUE(Claim(first()).has_value());
  clock_.Jump(-absl::Hours(24));
  second_ = Open();
  EXPECT_TRUE(Claim(second()).has_value());
}

TEST_P(JobStoreContractTest, ALeaseOutlastsARestart) {
  const std::string id = CreateJob();
  const std::optional<JobClaim> claim = Claim(first());
  first_ = Open();
  second_ = Open();
  EXPECT_FALSE(Claim(second()).has_value());
  EXPECT_TRUE(first().Succeed(*claim, {}).ok());
  EXPECT_EQ(StateOf(id), JobState::kSucceeded);
}

TEST_P(JobStoreContractTest, AnArtifactIsThereBeforeTheEndAndStays) {
  const std::string id = CreateJob();
  const std::optional<JobClaim> claim = Claim(first());
  const JobProgress progress{.stage = Stage::kSensitivity, .stage_fraction = 0.5, .fraction = 0.4};
  ASSERT_TRUE(first().AddArtifact(*claim, "a.json", {"old", 1}, progress, "old").ok());
  ASSERT_TRUE(first().AddArtifact(*claim, "a.json", {"sha", 7}, progress, "what it is").ok());
  const JobRecord running = *second().Get(id);
  EXPECT_EQ(running.state, JobState::kRunning);
  ASSERT_EQ(running.artifacts.count("a.json"), 1u);
  EXPECT_EQ(running.artifacts.at("a.json").sha256, "sha");
  EXPECT_EQ(running.artifacts.at("a.json").size_bytes, 7);
  EXPECT_EQ(running.progress.fraction, 0.4);
  const JobEvent event = second().Events(id, 0, 100)->back();
  EXPECT_EQ(event.kind, JobEventKind::kArtifactReady);
  EXPECT_EQ(event.detail, "what it is");
  EXPECT_EQ(second().List(10, "", {})->jobs[0].artifacts.size(), 1u);

  ASSERT_TRUE(first().Requeue(*claim, "stopped").ok());
  EXPECT_EQ(second().Get(id)->artifacts.size(), 1u);
  EXPECT_TRUE(absl::IsAborted(first().AddArtifact(*claim, "b.json", {"sha", 7}, progress, "late")));
  const std::optional<JobClaim> again = Claim(first());
  ASSERT_TRUE(first().Succeed(*again, {.artifacts = {{"r.json", {"result", 9}}}}).ok());
  EXPECT_EQ(second().Get(id)->artifacts.size(), 2u);
  EXPECT_EQ(second().Events(id, 0, 100)->at(3).kind, JobEventKind::kArtifactReady)
      << "is not pruned";
}

TEST_P(JobStoreContractTest, TerminalStatesNeverChange) {
  const std::vector<std::function<absl::Status(const JobClaim&)>> ends = {
      [&](const JobClaim& claim) { return first().Succeed(claim, {}); },
      [&](const JobClaim& claim) { return first().Fail(claim, absl::InternalError("x")); },
      [&](const JobClaim& claim) { return first().MarkCancelled(claim); }};
  for (const auto& end : ends) {
    const std::string id = CreateJob();
    const std::optional<JobClaim> claim = Claim(first());
    ASSERT_TRUE(end(*claim).ok());
    const JobState ended = StateOf(id);
    EXPECT_TRUE(IsTerminal(ended));
    ExpectLost(first(), *claim);
    EXPECT_TRUE(first().RequestCancel(id).ok());
    EXPECT_THAT(*first().RecoverInterrupted(), IsEmpty());
    clock_.Advance(2 * kLease);
    EXPECT_FALSE(Claim(second()).has_value());
    EXPECT_EQ(StateOf(id), ended);
  }
}

TEST_P(JobStoreContractTest, OnlyProgressGoesWhenAJobEnds) {
  using Kind = JobEventKind;
  const std::vector<std::function<absl::Status(const JobClaim&)>> ends = {
      [&](const JobClaim& claim) { return first().Succeed(claim, {}); },
      [&](const JobClaim& claim) { return first().Fail(claim, absl::InternalError("x")); },
      [&](const JobClaim& claim) { return first().MarkCancelled(claim); },
      [&](const JobClaim& claim) -> absl::Status {
        const absl::Status requeued = first().Requeue(claim, "stopped");
        return requeued.ok() ? first().RequestCancel(claim.job.id).status() : requeued;
      },
      [&](const JobClaim& claim) -> absl::Status {
        const absl::Status asked = first().RequestCancel(claim.job.id).status();
        return asked.ok() ? first().RecoverInterrupted().status() : asked;
      }};
  for (const auto& end : ends) {
    const std::string id = CreateJob();
    const std::optional<JobClaim> claim = Claim(first());
    for (const Kind kind : {Kind::kStageStarted, Kind::kStageProgress, Kind::kStageProgress,
                            Kind::kStageFinished, Kind::kStageStarted, Kind::kStageProgress}) {
      ASSERT_TRUE(first().RecordProgress(*claim, kind, {}, false, "").ok());
    }
    EXPECT_EQ(first().Events(id, 0, 100)->size(), 8u);
    ASSERT_TRUE(end(*claim).ok());
    const std::vector<JobEvent> events = *first().Events(id, 0, 100);
    int64_t last = 0, stages = 0;
    for (const JobEvent& event : events) {
      EXPECT_NE(event.kind, Kind::kStageProgress);
      EXPECT_GT(event.sequence, last);
      last = event.sequence;
      stages += event.kind != Kind::kStateChanged;
    }
    EXPECT_EQ(stages, 3);
    EXPECT_EQ(last, first().Get(id)->last_event);
    EXPECT_EQ(events[0].sequence, 1);
    EXPECT_EQ(events[2].sequence, 3);
  }
}

TEST_P(JobStoreContractTest, EveryChangeRaisesTheRevision) {
  int64_t last = *first().Revision();
  const auto expect_risen = [&](const char* what) {
    const int64_t now = *second().Revision();
    EXPECT_GT(now, last) << what;
    last = now;
  };
  const std::string id = CreateJob();
  expect_risen("Create");
  std::optional<JobClaim> claim = Claim(first());
  expect_risen("Claim");
  ASSERT_TRUE(first().RecordProgress(*claim, JobEventKind::kStageProgress, {}, false, "half").ok());
  expect_risen("RecordProgress");
  ASSERT_TRUE(first().Requeue(*claim, "stopped").ok());
  expect_risen("Requeue");
  claim = Claim(first());
  last = *first().Revision();
  ASSERT_TRUE(first().RequestCancel(id).ok());
  expect_risen("RequestCancel");
  ASSERT_TRUE(first().MarkCancelled(*claim).ok());
  expect_risen("MarkCancelled");
  ASSERT_TRUE(first().Delete(id).ok());
  expect_risen("Delete");
  EXPECT_FALSE(first().Delete(id).ok());
  EXPECT_EQ(*first().Revision(), last);
}

TEST_P(JobStoreContractTest, ListsWhatChangedSinceARevision) {
  const std::string untouched = CreateJob(), deleted = CreateJob(), changed = CreateJob();
  const int64_t before = *first().Revision();
  EXPECT_THAT(*first().ChangesSince(before, 10), IsEmpty());
  ASSERT_TRUE(first().Delete(deleted).ok());
  ASSERT_TRUE(first().RequestCancel(changed).ok());
  first_ = Open();
  const absl::StatusOr<std::vector<JobChange>> changes = first().ChangesSince(before, 10);
  ASSERT_TRUE(changes.ok()) << changes.status();
  ASSERT_EQ(changes->size(), 2u);
  EXPECT_EQ((*changes)[0].id, deleted);
  EXPECT_TRUE((*changes)[0].deleted);
  EXPECT_EQ((*changes)[1].id, changed);
  EXPECT_FALSE((*changes)[1].deleted);
  EXPECT_EQ((*changes)[1].revision, *first().Revision());
  EXPECT_EQ(first().ChangesSince(before, 1)->size(), 1u);
  EXPECT_EQ((*first().ChangesSince((*changes)[0].revision, 10))[0].id, changed);
}

INSTANTIATE_TEST_SUITE_P(Stores, JobStoreContractTest,
                         testing::Values(Implementation{"Sqlite", OpenSqlite}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace halftone
