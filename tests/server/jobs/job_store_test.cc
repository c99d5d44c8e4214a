#include <set>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using JobStoreTest = StateFixture;

std::vector<std::string> Details(const std::vector<JobEvent>& events) {
  std::vector<std::string> details;
  for (const JobEvent& event : events) details.push_back(event.detail);
  return details;
}

TEST_F(JobStoreTest, AJobIsQueuedAndRemembered) {
  const std::string id = CreateJob("the spec");
  Open();
  const JobRecord job = Job(id);
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_EQ(*jobs->Spec(id), "the spec");
  EXPECT_EQ(job.display_name, "name");
  EXPECT_EQ(job.create_time, clock.Now());
  EXPECT_FALSE(job.start_time.has_value());
  EXPECT_EQ(job.last_event, 1);
}

TEST_F(JobStoreTest, RequestIdMakesCreationIdempotent) {
  const std::string id = CreateJob("spec", "request");
  EXPECT_EQ(CreateJob("spec", "request"), id);
  EXPECT_NE(CreateJob("spec", "another request"), id);
  EXPECT_NE(CreateJob("spec", ""), CreateJob("spec", ""));
  const absl::Status status = jobs->Create({"request", "name", "another spec"}).status();
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(id));
}

TEST_F(JobStoreTest, UnknownJobsAreNotFound) {
  EXPECT_TRUE(absl::IsNotFound(jobs->Get("nobody").status()));
  EXPECT_TRUE(absl::IsNotFound(jobs->Spec("nobody").status()));
  EXPECT_TRUE(absl::IsNotFound(jobs->Events("nobody", 0, 10).status()));
  EXPECT_TRUE(absl::IsNotFound(jobs->RequestCancel("nobody").status()));
  EXPECT_TRUE(absl::IsNotFound(jobs->Delete("nobody")));
  EXPECT_THAT(std::string(jobs->Get("nobody").status().message()), HasSubstr("jobs/nobody"));
}

TEST_F(JobStoreTest, ASummaryStandsForTheSpec) {
  const absl::StatusOr<JobRecord> job = jobs->Create({"", "name", "the spec", "summary"});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->summary, "summary");
  EXPECT_EQ(Job(CreateJob("another")).summary, "another") << "where there is none";
  EXPECT_EQ(jobs->List(10, "", {})->jobs[1].summary, "summary");
  ASSERT_EQ(Claim(), job->id);
  EXPECT_EQ(claim.job.summary, "summary");
  EXPECT_EQ(claim.spec, "the spec");
}

// Its summary is enough for whatever does not run it.
TEST_F(JobStoreTest, OnlyAClaimReadsASpec) {
  const std::string queued = jobs->Create({"", "name", "the spec", "summary"})->id;
  const std::string running = jobs->Create({"", "name", "the spec", "summary"})->id;
  ASSERT_TRUE(jobs->Claim(absl::Seconds(30), running)->has_value());
  {
    absl::MutexLock lock(&database->mutex);
    ASSERT_TRUE(database->connection.Execute("DELETE FROM job_specs").ok());
  }
  for (const std::string& id : {queued, running}) {
    EXPECT_EQ(Job(id).summary, "summary");
    EXPECT_TRUE(jobs->RequestCancel(id).ok());
    EXPECT_TRUE(absl::IsNotFound(jobs->Spec(id).status()));
  }
  EXPECT_EQ(jobs->List(10, "", {})->jobs.size(), 2u);
  EXPECT_TRUE(jobs->RecoverInterrupted().ok());
  EXPECT_TRUE(jobs->Delete(queued).ok());
}

TEST_F(JobStoreTest, ASpecGoesWithItsJob) {
  const std::string id = CreateJob(std::string(100'000, 'x'));
  ASSERT_TRUE(jobs->Delete(id).ok());
  absl::MutexLock lock(&database->mutex);
  Statement count = *database->connection.Prepare("SELECT count(*) FROM job_specs");
  ASSERT_TRUE(count.Step().ok());
  EXPECT_EQ(count.Int(0), 0);
}

TEST_F(JobStoreTest, ClaimsTheOldestFirstAndOnce) {
  const std::string first = CreateJob(), second = CreateJob();
  EXPECT_EQ(Claim(), first);
  EXPECT_EQ(Claim(), second);
  EXPECT_EQ(Claim(), "");
  EXPECT_EQ(Job(first).state, JobState::kRunning);
  EXPECT_EQ(Job(first).attempts, 1);
}

TEST_F(JobStoreTest, ClaimsOnlyWhatItIsAskedFor) {
  CreateJob();
  const std::string second = CreateJob();
  const auto claimed = jobs->Claim(absl::Seconds(30), second);
  ASSERT_TRUE(claimed.ok() && claimed->has_value());
  EXPECT_EQ((*claimed)->job.id, second);
}

TEST_F(JobStoreTest, PagesHoldEveryJobOnceNewestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) ids.insert(ids.begin(), CreateJob(absl::StrCat(i)));
  std::vector<std::string> listed;
  std::string token;
  int pages = 0;
  do {
    const absl::StatusOr<JobPage> page = jobs->List(3, token, {});
    ASSERT_TRUE(page.ok()) << page.status();
    for (const JobRecord& job : page->jobs) listed.push_back(job.id);
    token = page->next_page_token;
    ++pages;
    if (pages == 1) CreateJob("born between the pages");
  } while (!token.empty());
  EXPECT_EQ(listed, ids);
  EXPECT_EQ(pages, 3);
}

TEST_F(JobStoreTest, ListFiltersByState) {
  const std::string running = CreateJob(), queued = CreateJob();
  ASSERT_EQ(Claim(), running);
  const absl::StatusOr<JobPage> page = jobs->List(10, "", {JobState::kRunning});
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->jobs.size(), 1u);
  EXPECT_EQ(page->jobs[0].id, running);
  EXPECT_EQ(jobs->List(10, "", {JobState::kRunning, JobState::kQueued})->jobs.size(), 2u);
  EXPECT_THAT(jobs->List(10, "", {JobState::kFailed})->jobs, IsEmpty());
}

TEST_F(JobStoreTest, TokensOfAnotherListAreRefused) {
  for (int i = 0; i < 3; ++i) CreateJob();
  const std::string token = jobs->List(1, "", {})->next_page_token;
  EXPECT_TRUE(absl::IsInvalidArgument(jobs->List(1, token, {JobState::kQueued}).status()));
  for (const char* of_no_page : {"x", "0.", "-1", "0"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(jobs->List(1, of_no_page, {}).status())) << of_no_page;
  }
}

TEST_F(JobStoreTest, EventsAreNumberedAndKept) {
  const std::string id = CreateJob();
  Claim();
  clock.Advance(absl::Seconds(1));
  const JobProgress progress = {Stage::kCalibrate, 0.5, 0.06, 12};
  ASSERT_TRUE(
      jobs->RecordProgress(claim, JobEventKind::kStageProgress, progress, false, "batch 3").ok());
  Open();
  const absl::StatusOr<std::vector<JobEvent>> events = jobs->Events(id, 0, 100);
  ASSERT_TRUE(events.ok()) << events.status();
  EXPECT_THAT(Details(*events), ElementsAre("queued", "started", "batch 3"));
  const JobEvent& last = events->back();
  EXPECT_EQ(last.sequence, 3);
  EXPECT_EQ(last.time, clock.Now());
  EXPECT_EQ(last.progress.stage, Stage::kCalibrate);
  EXPECT_EQ(last.progress.stage_fraction, 0.5);
  EXPECT_EQ(last.progress.eta_seconds, 12);
  EXPECT_EQ(Job(id).progress.stage, Stage::kCalibrate);
  EXPECT_THAT(Details(*jobs->Events(id, 2, 100)), ElementsAre("batch 3"));
  EXPECT_THAT(Details(*jobs->Events(id, 0, 1)), ElementsAre("queued"));
}

TEST_F(JobStoreTest, ListenersHearOfEveryChange) {
  int calls = 0;
  const std::string id = CreateJob();
  const EventHub::Subscription subscription = hub.Subscribe(id, [&] { ++calls; });
  hub.Drain();
  calls = 0;
  Claim();
  CreateJob("another");
  hub.Drain();
  EXPECT_EQ(calls, 1);
  ASSERT_TRUE(jobs->Fail(claim, absl::InternalError("x")).ok());
  hub.Drain();
  EXPECT_EQ(calls, 2);
  hub.Unsubscribe(subscription);
  hub.NotifyAll();
  hub.Drain();
  EXPECT_EQ(calls, 2);
}

TEST_F(JobStoreTest, ListenersAreGivenTheEventsThatAreStored) {
  std::vector<EventHub::Event> heard;
  hub.Watch("", [&](const EventHub::Event& event) { heard.push_back(event); });
  const std::string id = CreateJob();
  Claim();
  const JobProgress progress = {Stage::kCalibrate, 0.5, 0.06, 12};
  ASSERT_TRUE(
      jobs->RecordProgress(claim, JobEventKind::kStageStarted, progress, true, "batch 3").ok());
  ASSERT_TRUE(jobs->Requeue(claim, "stopped").ok());
  ASSERT_TRUE(jobs->RequestCancel(id).ok());
  hub.Drain();
  const absl::StatusOr<std::vector<JobEvent>> stored = jobs->Events(id, 0, 100);
  ASSERT_TRUE(stored.ok()) << stored.status();
  ASSERT_EQ(heard.size(), stored->size());
  for (size_t i = 0; i < heard.size(); ++i) {
    ASSERT_NE(heard[i], nullptr);
    const JobEvent &told = *heard[i], &kept = (*stored)[i];
    EXPECT_EQ(told.sequence, kept.sequence);
    EXPECT_EQ(told.time, kept.time);
    EXPECT_EQ(told.kind, kept.kind);
    EXPECT_EQ(told.state, kept.state);
    EXPECT_EQ(told.progress.stage, kept.progress.stage);
    EXPECT_EQ(told.progress.stage_fraction, kept.progress.stage_fraction);
    EXPECT_EQ(told.progress.fraction, kept.progress.fraction);
    EXPECT_EQ(told.progress.eta_seconds, kept.progress.eta_seconds);
    EXPECT_EQ(told.reused, kept.reused);
    EXPECT_EQ(told.detail, kept.detail);
  }
}

TEST_F(JobStoreTest, NobodyIsToldWhatWasNotWritten) {
  const std::string id = CreateJob();
  Claim();
  ASSERT_TRUE(jobs->Fail(claim, absl::InternalError("x")).ok());
  hub.Drain();
  int calls = 0;
  hub.Subscribe(id, [&] { ++calls; });
  EXPECT_FALSE(jobs->RecordProgress(claim, JobEventKind::kStageProgress, {}, false, "late").ok());
  EXPECT_FALSE(jobs->Succeed(claim, {}).ok());
  hub.Drain();
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(jobs->Delete(id).ok());
  hub.Drain();
  EXPECT_EQ(calls, 1);
}

TEST_F(JobStoreTest, SuccessKeepsTheOutcome) {
  const std::string id = CreateJob();
  Claim();
  JobOutcome outcome;
  outcome.solution_status = Solution::Status::kInfeasible;
  outcome.result_sha256 = Sha256Hex("result");
  outcome.artifacts["report.html"] = {Sha256Hex("report"), 6};
  ASSERT_TRUE(jobs->Succeed(claim, outcome).ok());
  Open();
  const JobRecord job = Job(id);
  EXPECT_EQ(job.state, JobState::kSucceeded);
  EXPECT_EQ(job.solution_status, Solution::Status::kInfeasible);
  EXPECT_EQ(job.result_sha256, Sha256Hex("result"));
  ASSERT_EQ(job.artifacts.count("report.html"), 1u);
  EXPECT_EQ(job.artifacts.at("report.html").size_bytes, 6);
  EXPECT_EQ(job.progress.fraction, 1);
  EXPECT_TRUE(job.end_time.has_value());
  EXPECT_TRUE(absl::IsAborted(jobs->Succeed(claim, outcome)));
}

TEST_F(JobStoreTest, FailureKeepsTheReason) {
  const std::string id = CreateJob();
  Claim();
  ASSERT_TRUE(jobs->Fail(claim, absl::InvalidArgumentError("node 'x'")).ok());
  EXPECT_EQ(Job(id).state, JobState::kFailed);
  EXPECT_EQ(Job(id).error, absl::InvalidArgumentError("node 'x'"));
}

TEST_F(JobStoreTest, AQueuedJobIsCancelledAtOnce) {
  const std::string id = CreateJob();
  EXPECT_EQ(jobs->RequestCancel(id)->state, JobState::kCancelled);
  EXPECT_EQ(Claim(), "");
  EXPECT_EQ(jobs->RequestCancel(id)->state, JobState::kCancelled);
}

TEST_F(JobStoreTest, ARunningJobLearnsOfItsCancellation) {
  const std::string id = CreateJob();
  Claim();
  EXPECT_FALSE(*jobs->Heartbeat(claim));
  EXPECT_EQ(jobs->RequestCancel(id)->state, JobState::kRunning);
  EXPECT_TRUE(*jobs->Heartbeat(claim));
  ASSERT_TRUE(jobs->MarkCancelled(claim).ok());
  EXPECT_EQ(Job(id).state, JobState::kCancelled);
}

TEST_F(JobStoreTest, RunningJobsAreNotDeleted) {
  const std::string id = CreateJob();
  Claim();
  EXPECT_TRUE(absl::IsFailedPrecondition(jobs->Delete(id)));
  ASSERT_TRUE(jobs->Fail(claim, absl::InternalError("x")).ok());
  EXPECT_TRUE(jobs->Delete(id).ok());
  EXPECT_TRUE(absl::IsNotFound(jobs->Get(id).status()));
}

TEST_F(JobStoreTest, InterruptedJobsAreQueuedAgain) {
  const std::string id = CreateJob();
  Claim();
  Open();  // the process died
  EXPECT_THAT(*jobs->RecoverInterrupted(), ElementsAre(id));
  EXPECT_EQ(Job(id).state, JobState::kQueued);
  EXPECT_EQ(Claim(), id);
  EXPECT_EQ(Job(id).attempts, 2);
}

TEST_F(JobStoreTest, AJobThatKillsTheServerFailsInTheEnd) {
  const std::string id = CreateJob();
  for (int i = 0; i < JobStore::kMaxStageStarts; ++i) {
    ASSERT_EQ(Claim(), id) << i;
    ASSERT_TRUE(jobs->BeginStage(claim).ok());
    ASSERT_TRUE(jobs->RecoverInterrupted().ok());
    clock.Advance(absl::Minutes(5));
  }
  EXPECT_EQ(Job(id).state, JobState::kFailed);
  EXPECT_THAT(std::string(Job(id).error.message()), HasSubstr("5 times"));
}

TEST_F(JobStoreTest, DeathsOutsideOfAStageAreNotHeldAgainstAJob) {
  const std::string id = CreateJob();
  for (int i = 0; i < 2 * JobStore::kMaxStageStarts; ++i) {
    ASSERT_EQ(Claim(), id) << i;
    ASSERT_TRUE(jobs->RecoverInterrupted().ok());
  }
  EXPECT_EQ(Job(id).state, JobState::kQueued);
}

// Another job's stage may take the server down meanwhile.
TEST_F(JobStoreTest, DeathsWhileAStageOnlyWaitsAreNotHeldAgainstAJob) {
  const std::string id = CreateJob();
  for (int i = 0; i < 2 * JobStore::kMaxStageStarts; ++i) {
    ASSERT_EQ(Claim(), id) << i;
    ASSERT_TRUE(jobs->BeginStage(claim).ok());
    ASSERT_TRUE(jobs->PauseStage(claim).ok());
    ASSERT_TRUE(jobs->RecoverInterrupted().ok());
  }
  ASSERT_EQ(Claim(), id);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(jobs->BeginStage(claim).ok());
    ASSERT_TRUE(jobs->PauseStage(claim).ok());
    ASSERT_TRUE(jobs->BeginStage(claim).ok());
    ASSERT_TRUE(jobs->RecoverInterrupted().ok());
    EXPECT_EQ(Claim(), i == 0 ? id : "") << "who goes on is in the midst of it again";
  }
}

TEST_F(JobStoreTest, AJobThatDiesAgainWaitsBeforeItIsDue) {
  const std::string id = CreateJob();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Claim(), id) << i;
    ASSERT_TRUE(jobs->BeginStage(claim).ok());
    ASSERT_TRUE(jobs->RecoverInterrupted().ok());
  }
  EXPECT_EQ(Claim(), "");
  const std::string other = CreateJob();
  EXPECT_EQ(Claim(), other);
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(Claim(), id);
}

TEST_F(JobStoreTest, FinishedStagesAndGracefulStopsAreNotHeldAgainstAJob) {
  const std::string id = CreateJob();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Claim(), id) << i;
    ASSERT_TRUE(jobs->BeginStage(claim).ok());
    if (i % 2 == 0) {
      const JobProgress progress = {Stage::kImport, 1, 0.01, -1};
      ASSERT_TRUE(
          jobs->RecordProgress(claim, JobEventKind::kStageFinished, progress, false, "").ok());
      ASSERT_TRUE(jobs->RecoverInterrupted().ok());
    } else {
      ASSERT_TRUE(jobs->Requeue(claim, "the server stopped").ok());
    }
  }
  EXPECT_EQ(Job(id).state, JobState::kQueued);
}

TEST_F(JobStoreTest, ACancelledJobDoesNotComeBackAfterAnInterruption) {
  const std::string id = CreateJob();
  Claim();
  ASSERT_TRUE(jobs->RequestCancel(id).ok());
  ASSERT_TRUE(jobs->RecoverInterrupted().ok());
  EXPECT_EQ(Job(id).state, JobState::kCancelled);
}

TEST_F(JobStoreTest, AFullDiskLosesNothing) {
  const std::string id = CreateJob();
  {
    absl::MutexLock lock(&database->mutex);
    ASSERT_TRUE(database->connection.LimitPages(1).ok());
  }
  absl::Status status;
  for (int i = 0; i < 50 && status.ok(); ++i) {
    status = jobs->Create({"", "big", std::string(100'000, 'x')}).status();
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(Job(id).state, JobState::kQueued);
  {
    absl::MutexLock lock(&database->mutex);
    ASSERT_TRUE(database->connection.LimitPages(1'000'000).ok());
  }
  EXPECT_EQ(Claim(), id);
}

using CatalogTest = StateFixture;

TEST_F(CatalogTest, StageOutputsAreFoundByStageAndKey) {
  ASSERT_TRUE(catalog->StoreStage(Stage::kProfile, "key", "table").ok());
  Open();
  EXPECT_EQ(*catalog->LoadStage(Stage::kProfile, "key"), "table");
  EXPECT_TRUE(absl::IsNotFound(catalog->LoadStage(Stage::kSolve, "key").status()));
  EXPECT_TRUE(absl::IsNotFound(catalog->LoadStage(Stage::kProfile, "other").status()));
  ASSERT_TRUE(catalog->StoreStage(Stage::kProfile, "key", "newer").ok());
  EXPECT_EQ(*catalog->LoadStage(Stage::kProfile, "key"), "newer");
}

TEST_F(CatalogTest, ADamagedStageOutputCountsAsNotStored) {
  ASSERT_TRUE(catalog->StoreStage(Stage::kProfile, "key", "table").ok());
  std::filesystem::resize_file(blobs->PathOf(Sha256Hex("table")), 2);
  EXPECT_TRUE(absl::IsNotFound(catalog->LoadStage(Stage::kProfile, "key").status()));
  ASSERT_TRUE(catalog->StoreStage(Stage::kProfile, "key", "table").ok());
  EXPECT_EQ(*catalog->LoadStage(Stage::kProfile, "key"), "table");
}

TEST_F(CatalogTest, AStageOutputWhoseRecordCannotBeReadCountsAsNotStored) {
  ASSERT_TRUE(catalog->StoreStage(Stage::kProfile, "key", "table").ok());
  {
    absl::MutexLock lock(&database->mutex);
    auto flip = database->connection.Prepare(
        "UPDATE stage_outputs SET sha256 = replace(sha256, substr(sha256, 5, 1), '=')");
    ASSERT_TRUE(flip.ok() && flip->Run().ok());
  }
  const absl::Status status = catalog->LoadStage(Stage::kProfile, "key").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  ASSERT_TRUE(catalog->StoreStage(Stage::kProfile, "key", "table").ok());
  EXPECT_EQ(*catalog->LoadStage(Stage::kProfile, "key"), "table");
}

TEST_F(CatalogTest, ModelsAndDatasetsArePagedApart) {
  std::set<std::string> names;
  for (int i = 0; i < 5; ++i) {
    const std::string sha256 = Sha256Hex(absl::StrCat(i));
    ASSERT_TRUE(catalog->Add(ContentKind::kModel, sha256, absl::StrCat("m", i), i).ok());
    ASSERT_TRUE(catalog->Add(ContentKind::kDataset, sha256, absl::StrCat("d", i), i).ok());
  }
  EXPECT_EQ(catalog->Add(ContentKind::kModel, Sha256Hex("0"), "again", 0)->display_name, "m0");
  const absl::StatusOr<ContentPage> first = catalog->List(ContentKind::kModel, 3, "");
  const absl::StatusOr<ContentPage> rest =
      catalog->List(ContentKind::kModel, 3, first->next_page_token);
  for (const auto* page : {&*first, &*rest}) {
    for (const ContentRecord& record : page->contents) names.insert(record.display_name);
  }
  EXPECT_THAT(names, ElementsAre("m0", "m1", "m2", "m3", "m4"));
  EXPECT_EQ(rest->next_page_token, "");
  EXPECT_TRUE(absl::IsInvalidArgument(catalog->List(ContentKind::kModel, 3, "x").status()));
  for (const ContentKind other : {ContentKind::kDataset, ContentKind::kTargetFile}) {
    const absl::Status status = catalog->List(other, 3, first->next_page_token).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(jobs->List(3, first->next_page_token, {}).status()));
  const std::string of_jobs = [&] {
    for (int i = 0; i < 2; ++i) CreateJob();
    return jobs->List(1, "", {})->next_page_token;
  }();
  EXPECT_NE(of_jobs, "");
  EXPECT_TRUE(absl::IsInvalidArgument(catalog->List(ContentKind::kModel, 3, of_jobs).status()));
  const absl::Status unknown = catalog->Find(ContentKind::kModel, Sha256Hex("?")).status();
  EXPECT_TRUE(absl::IsNotFound(unknown));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("models/" + Sha256Hex("?")));
}

TEST_F(CatalogTest, MeasuredCostsAreKept) {
  SqliteCostCache cache(database.get(), &clock);
  EXPECT_TRUE(absl::IsNotFound(cache.Load("key").status()));
  ASSERT_TRUE(cache.Store("key", "1").ok());
  ASSERT_TRUE(cache.Store("key", "2").ok());
  EXPECT_EQ(*cache.Load("key"), "2");
}

}  // namespace
}  // namespace halftone
