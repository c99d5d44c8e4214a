// What an earlier version left is listed and solved again as if this one had searched for it.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/convert/job.h"
#include "server/convert/spec.h"
#include "server/services/search_calls.h"
#include "tests/server/jobs/earlier_state.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

constexpr char kJob[] = "jobs/898x9vdeyqr0";
constexpr char kLargeJob[] = "jobs/large";

// In megabytes, as version 3 stored them with their job.
v1::SearchSpec LargeSpec() {
  v1::SearchSpec spec;
  spec.set_model("models/x");
  spec.set_target("bitfusion");
  for (int i = 0; i < 500; ++i) {
    (*spec.mutable_pins())[absl::StrCat(std::string(4000, 'x'), i)] = "w8a8";
  }
  return spec;
}

class Version3SearchTest : public testing::Test {
 protected:
  void SetUp() override {
    MakeEarlierState(3, directory_.path());
    AddLargeJob();
    blobs_ = *BlobStore::Create(directory_.path() + "/blobs");
    database_ = *StateDatabase::Open(directory_.path());
    catalog_ = std::make_unique<SqliteCatalog>(database_.get(), blobs_.get(), &clock_);
    jobs_ = std::make_unique<SqliteJobStore>(database_.get(), &hub_, &clock_);
    context_.jobs = jobs_.get();
    context_.catalog = catalog_.get();
    context_.blobs = blobs_.get();
  }

  void AddLargeJob() {
    Database old = *Database::Open(directory_.path() + "/state.db");
    absl::StatusOr<Statement> insert = old.Prepare(
        "INSERT INTO jobs (id, display_name, spec, state, create_ns, update_ns) "
        "VALUES ('large', '', ?, 1, 1, 1)");
    ASSERT_TRUE(insert.ok()) << insert.status();
    insert->BindBlob(1, SerializeSpec(LargeSpec()));
    ASSERT_TRUE(insert->Run().ok());
  }

  v1::ListJobsResponse List() {
    v1::ListJobsResponse response;
    const absl::Status status = ListJobs(context_, {}, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  TemporaryDirectory directory_;
  FakeClock clock_;
  EventHub hub_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<StateDatabase> database_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<SqliteJobStore> jobs_;
  ServiceContext context_{};
};

TEST_F(Version3SearchTest, IsListed) {
  const v1::ListJobsResponse response = List();
  ASSERT_EQ(response.jobs_size(), 2);
  EXPECT_EQ(response.jobs(0).name(), kLargeJob);
  EXPECT_EQ(response.jobs(0).spec().target(), "bitfusion");
  EXPECT_EQ(response.jobs(0).spec().pins_size(), 0);
  EXPECT_EQ(response.jobs(1).name(), kJob);
  EXPECT_EQ(response.jobs(1).state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(response.jobs(1).spec().target(), "bitfusion");
}

TEST_F(Version3SearchTest, ALargeOneIsListedWithoutReadingItsSpec) {
  ASSERT_EQ(*jobs_->AddSummaries(StoredSummary), 1);
  {
    absl::MutexLock lock(&database_->mutex);
    ASSERT_TRUE(database_->connection.Execute("UPDATE job_specs SET spec = x'ff'").ok());
  }
  const v1::Job large = List().jobs(0);
  EXPECT_EQ(large.name(), kLargeJob);
  EXPECT_EQ(large.spec().model(), "models/x");
}

TEST_F(Version3SearchTest, HasItsResult) {
  v1::GetResultRequest request;
  request.set_name(kJob);
  v1::SearchResult result;
  const absl::Status status = GetResult(context_, request, /*turn=*/nullptr, &result);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(result.layers_size(), 4);
  EXPECT_EQ(result.solution().status(), v1::SOLUTION_STATUS_OPTIMAL);
}

TEST_F(Version3SearchTest, IsSolvedAgain) {
  v1::GetResultRequest get;
  get.set_name(kJob);
  v1::SearchResult result;
  ASSERT_TRUE(GetResult(context_, get, /*turn=*/nullptr, &result).ok());
  v1::ReSolveRequest request;
  request.set_name(kJob);
  v1::ReSolveResponse response;
  absl::Status status = ReSolveJob(context_, request, &response, {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.solution().status(), v1::SOLUTION_STATUS_OPTIMAL);
  // The search had no budgets either.
  EXPECT_DOUBLE_EQ(response.solution().loss(), result.solution().loss());
  v1::Budget* budget = request.add_budgets();
  budget->set_metric("size");
  budget->set_limit("0.4x");
  request.set_interactions(1);
  status = ReSolveJob(context_, request, &response, {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(response.solution().status(), v1::SOLUTION_STATUS_OPTIMAL);
  EXPECT_GT(response.solution().loss(), result.solution().loss());
}

}  // namespace
}  // namespace halftone
