// State directories of earlier versions open, with all that was in them.
#include "tests/server/jobs/earlier_state.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

class StateMigrationTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  FakeClock clock_;
  EventHub hub_;
};

class Version1Test : public StateMigrationTest {
 protected:
  Version1Test() { MakeEarlierState(1, directory_.path()); }
};

TEST_F(Version1Test, KeepsItsJobs) {
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

TEST_F(Version1Test, AJobThatItWasRunningIsTakenUp) {
  const std::unique_ptr<StateDatabase> database = *StateDatabase::Open(directory_.path());
  SqliteJobStore jobs(database.get(), &hub_, &clock_);
  const absl::StatusOr<std::optional<JobClaim>> claim = jobs.Claim(absl::Seconds(30));
  ASSERT_TRUE(claim.ok() && claim->has_value()) << claim.status();
  EXPECT_EQ((*claim)->job.id, "running");
}

class Version3Test : public StateMigrationTest {
 protected:
  static constexpr size_t kLarge = 4097;

  Version3Test() {
    MakeEarlierState(3, directory_.path());
    AddJob("large", std::string(kLarge, 'l'));
    AddJob("small", std::string(kLarge - 1, 's'));
  }

  // As the program of that version would.
  void AddJob(const std::string& id, const std::string& spec) {
    Database old = *Database::Open(directory_.path() + "/state.db");
    absl::StatusOr<Statement> insert = old.Prepare(
        "INSERT INTO jobs (id, display_name, spec, state, create_ns, update_ns, revision) "
        "VALUES (?, '', ?, 1, 1, 1, 19)");
    ASSERT_TRUE(insert.ok()) << insert.status();
    insert->Bind(1, id).BindBlob(2, spec);
    ASSERT_TRUE(insert->Run().ok());
  }
};

TEST_F(Version3Test, KeepsItsJobs) {
  const std::unique_ptr<StateDatabase> database = *StateDatabase::Open(directory_.path());
  SqliteJobStore jobs(database.get(), &hub_, &clock_);
  EXPECT_EQ(jobs.List(10, "", {})->jobs.size(), 3u);
  const absl::StatusOr<JobRecord> ended = jobs.Get("898x9vdeyqr0");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state, JobState::kSucceeded);
  EXPECT_EQ(ended->solution_status, Solution::Status::kOptimal);
  EXPECT_EQ(jobs.Spec(ended->id)->size(), 170u);
  EXPECT_EQ(ended->artifacts.at("report.html").size_bytes, 14610);
  EXPECT_EQ(jobs.Events(ended->id, 0, 100)->size(), 17u);
  EXPECT_EQ(*jobs.Spec("large"), std::string(kLarge, 'l'));
  EXPECT_EQ(jobs.Get("large")->summary, std::string(kLarge, 'l'));
}

TEST_F(Version3Test, ItsLargeJobsAreGivenSummaries) {
  const std::unique_ptr<StateDatabase> database = *StateDatabase::Open(directory_.path());
  SqliteJobStore jobs(database.get(), &hub_, &clock_);
  const int64_t before = *jobs.Revision();
  std::vector<std::string> seen;
  const auto summarize = [&seen](const std::string& spec) -> absl::StatusOr<std::string> {
    seen.push_back(spec);
    return "in short";
  };
  EXPECT_EQ(*jobs.AddSummaries(summarize), 1);
  EXPECT_THAT(seen, testing::ElementsAre(std::string(kLarge, 'l')));
  EXPECT_EQ(jobs.Get("large")->summary, "in short");
  EXPECT_EQ(*jobs.Spec("large"), std::string(kLarge, 'l'));
  EXPECT_EQ(jobs.Get("small")->summary, std::string(kLarge - 1, 's'));
  EXPECT_EQ(*jobs.Revision(), before);
  EXPECT_EQ(*jobs.AddSummaries(summarize), 0);
}

TEST_F(Version3Test, AJobWhoseSpecCannotBeReadIsListedWithIt) {
  AddJob("also-large", std::string(2 * kLarge, 'a'));
  const std::unique_ptr<StateDatabase> database = *StateDatabase::Open(directory_.path());
  SqliteJobStore jobs(database.get(), &hub_, &clock_);
  const auto summarize = [](const std::string& spec) -> absl::StatusOr<std::string> {
    if (spec[0] == 'l') return absl::DataLossError("damaged");
    return "in short";
  };
  EXPECT_EQ(*jobs.AddSummaries(summarize), 1);
  EXPECT_EQ(jobs.Get("large")->summary, std::string(kLarge, 'l'));
  EXPECT_EQ(jobs.Get("also-large")->summary, "in short");
}

}  // namespace
}  // namespace halftone
