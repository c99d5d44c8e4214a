// State directories of earlier versions open, with all that was in them.
#include "base/files.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

class StateMigrationTest : public testing::Test {
 protected:
  StateMigrationTest() {
    const absl::StatusOr<std::string> sql =
        ReadFile(HALFTONE_SOURCE_DIR "/tests/data/state/version1.sql");
    EXPECT_TRUE(sql.ok()) << sql.status();
    Database old = *Database::Open(directory_.path() + "/state.db");
    const absl::Status made = old.Execute(sql.value_or(""));
    EXPECT_TRUE(made.ok()) << made;
  }
  TemporaryDirectory directory_;
  FakeClock clock_;
  EventHub hub_;
};

TEST_F(StateMigrationTest, Version1KeepsItsJobs) {
  const absl::StatusOr<std::unique_ptr<StateDatabase>> database =
      StateDatabase::Open(directory_.path());
  ASSERT_TRUE(database.ok()) << database.status();
  SqliteJobStore jobs(database->get(), &hub_, &clock_);
  EXPECT_EQ(jobs.List(10, "", {})->jobs.size(), 2u);
  const absl::StatusOr<JobRecord> ended = jobs.Get("ended");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state, JobState::kSucceeded);
  EXPECT_EQ(*jobs.Spec("ended"), std::string("\0\xff", 2));
  EXPECT_EQ(ended->summary, *jobs.Spec("ended"));
  EXPECT_EQ(ended->artifacts.at("report.html").size_bytes, 6);
  EXPECT_EQ(jobs.Events("ended", 0, 10)->size(), 2u);  // without its progress
  EXPECT_EQ(jobs.Events("running", 0, 10)->size(), 1u);
  EXPECT_EQ(jobs.ChangesSince(0, 10)->size(), 2u);
}

TEST_F(StateMigrationTest, AJobThatVersion1WasRunningIsTakenUp) {
  const std::unique_ptr<StateDatabase> database = *StateDatabase::Open(directory_.path());
  SqliteJobStore jobs(database.get(), &hub_, &clock_);
  const absl::StatusOr<std::optional<JobClaim>> claim = jobs.Claim(absl::Seconds(30));
  ASSERT_TRUE(claim.ok() && claim->has_value()) << claim.status();
  EXPECT_EQ((*claim)->job.id, "running");
}

}  // namespace
}  // namespace halftone
