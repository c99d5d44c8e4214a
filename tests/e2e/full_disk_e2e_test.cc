// A disk that is full for a while, at any point in the course of a job.
#include <algorithm>
#include <filesystem>

#include "absl/time/clock.h"
#include "tests/e2e/e2e_fixture.h"
#include "tests/e2e/full_disk.h"

namespace halftone {
namespace {

constexpr int kJobs = 24;
// So often the server runs into the full disk before there is room: with its waits between, that
// is seconds.
constexpr int kRefusals = 3;

class FullDiskEndToEnd : public EndToEnd {
 protected:
  void SetUp() override {
    auto disk = FullDisk::Create();
    ASSERT_TRUE(disk.ok()) << disk.status();
    disk_ = *std::move(disk);
    full_disk_ = disk_->path();
    EndToEnd::SetUp();
    request_ = TinySearch();
    request_.mutable_spec()->clear_evaluation_dataset();
    request_.mutable_spec()->set_skip_explanation(true);
    request_.mutable_spec()->mutable_sensitivity()->set_samples(16);
    disk_->MakeRoom();
    Watch(CreateAnother());
    writes_ = disk_->Written();
    ASSERT_GT(writes_, kJobs);
  }

  // One that reuses nothing of the others.
  std::string CreateAnother() {
    request_.mutable_spec()->mutable_sensitivity()->set_seed(++seed_);
    return Create(request_);
  }

  static bool HasEnded(const v1::Job& job) {
    return job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING;
  }

  // Until the server has run into the full disk often enough, or the jobs have ended before.
  void AwaitRefusals(const std::vector<std::string>& jobs) {
    const int64_t enough = disk_->refused() + kRefusals;
    const auto have_ended = [&] {
      return std::all_of(jobs.begin(), jobs.end(),
                         [&](const std::string& job) { return HasEnded(Get(job)); });
    };
    while (disk_->refused() < enough && !have_ended()) absl::SleepFor(absl::Milliseconds(10));
  }

  // The job ends well without anybody's help.
  void ExpectEnd(const std::string& name) {
    Watch(name);
    const v1::Job job = Get(name);
    EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error().message();
    EXPECT_EQ(job.attempts(), 1) << name;
    EXPECT_TRUE(client_->GetResult(name).ok()) << name;
  }

  std::unique_ptr<FullDisk> disk_;
  v1::CreateJobRequest request_;
  uint64_t seed_ = 0;
  int64_t writes_ = 0;  // of a job from its beginning to its end
};

TEST_F(FullDiskEndToEnd, AllJobsEndByThemselvesOnceThereIsRoom) {
  std::vector<std::string> jobs;
  for (int i = 0; i < kJobs; ++i) jobs.push_back(CreateAnother());
  for (int i = 0; i < kJobs; ++i) {
    // Another point in the course of a job each time, its end included.
    disk_->SetRoom(writes_ * (i + 1) / kJobs);
    AwaitRefusals(jobs);
    disk_->MakeRoom();
  }
  EXPECT_GE(disk_->refused(), kJobs);
  for (const std::string& job : jobs) ExpectEnd(job);
  EXPECT_TRUE(server_->IsRunning());
}

TEST_F(FullDiskEndToEnd, JobsAreCancelledAndDeletedWhileTheDiskIsFull) {
  constexpr int kPoints = 8;
  for (int i = 0; i < kPoints; ++i) {
    const std::string job = CreateAnother();
    disk_->SetRoom(writes_ * (i + 1) / kPoints);
    AwaitRefusals({job});
    const absl::Status cancelled = client_->CancelJob(job).status();
    EXPECT_TRUE(cancelled.ok()) << cancelled;
    const absl::Status deleted = client_->DeleteJob(job, /*force=*/true);
    EXPECT_TRUE(deleted.ok()) << deleted;
    EXPECT_TRUE(absl::IsNotFound(client_->GetJob(job).status()));
    disk_->MakeRoom();
    // The reserve is taken again.
    Watch(CreateAnother());
  }
}

TEST_F(FullDiskEndToEnd, UploadsAreDeletedWhileTheDiskIsFull) {
  const std::string job = CreateAnother();
  disk_->SetRoom(writes_ / 2);
  AwaitRefusals({job});
  EXPECT_TRUE(client_->DeleteJob(job, /*force=*/true).ok());
  const auto removal = client_->DeleteModel(request_.spec().model());
  ASSERT_TRUE(removal.ok()) << removal.status();
  EXPECT_GT(removal->blobs(), 0);
}

// Not even the reserve is left, e.g. because another process took what it gave back.
TEST_F(FullDiskEndToEnd, AJobIsCancelledWhereThatCannotBeWritten) {
  const std::string job = CreateAnother();
  disk_->SetRoom(writes_ / 2);
  AwaitRefusals({job});
  ASSERT_TRUE(std::filesystem::remove(state_ + "/state.reserve"));
  const auto cancelled = client_->CancelJob(job);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_TRUE(cancelled->cancel_requested());
  EXPECT_TRUE(Get(job).cancel_requested());
  disk_->MakeRoom();
  Watch(job);
  EXPECT_EQ(Get(job).state(), v1::JOB_STATE_CANCELLED);
  EXPECT_TRUE(Get(job).cancel_requested());
  ExpectEnd(CreateAnother());
}

// Killed in the midst of a job: with the reserve, of which there may be enough for the job's end,
// and where it was spent.
TEST_F(FullDiskEndToEnd, AServerStartsWhileTheDiskIsFull) {
  for (const bool has_reserve : {true, false}) {
    const std::string job = CreateAnother();
    disk_->SetRoom(writes_ / 2);
    AwaitRefusals({job});
    server_->Kill();
    if (!has_reserve) std::filesystem::remove(state_ + "/state.reserve");
    disk_->SetRoom(0);
    StartServer();
    ASSERT_NE(client_, nullptr) << has_reserve;
    const v1::JobState state = Get(job).state();
    EXPECT_TRUE(has_reserve || state == v1::JOB_STATE_RUNNING) << v1::JobState_Name(state);
    EXPECT_FALSE(Watch(job, [](const v1::JobEvent&) { return true; }).empty());
    disk_->MakeRoom();
    Watch(job);
    EXPECT_EQ(Get(job).state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
    // What was held back for the start is there again for others.
    ExpectEnd(CreateAnother());
  }
}

TEST_F(FullDiskEndToEnd, AFullDiskRefusesWhatIsNewAndServesWhatIsThere) {
  const std::string job = CreateAnother();
  Watch(job);
  disk_->SetRoom(0);
  const absl::Status refused = client_->CreateJob(request_).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(client_->GetResult(job).ok());
  EXPECT_FALSE(Watch(job).empty());
  disk_->MakeRoom();
  ExpectEnd(CreateAnother());
}

}  // namespace
}  // namespace halftone
