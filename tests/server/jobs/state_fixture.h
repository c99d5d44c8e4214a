#ifndef HALFTONE_TESTS_SERVER_JOBS_STATE_FIXTURE_H_
#define HALFTONE_TESTS_SERVER_JOBS_STATE_FIXTURE_H_

#include <memory>
#include <string>

#include "base/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/sqlite/sqlite_catalog.h"
#include "server/jobs/sqlite/sqlite_job_store.h"
#include "server/jobs/sqlite/state_database.h"
#include "tests/temporary_directory.h"

namespace halftone {

// The stores of a state directory, with a clock that is turned by hand.
class StateFixture : public testing::Test {
 protected:
  StateFixture() { Open(); }

  // As a new process would.
  void Open() {
    jobs.reset();
    catalog.reset();
    database.reset();
    blobs = *BlobStore::Create(directory.path() + "/blobs");
    database = *StateDatabase::Open(directory.path());
    catalog = std::make_unique<SqliteCatalog>(database.get(), blobs.get(), &clock);
    jobs = std::make_unique<SqliteJobStore>(database.get(), &hub, &clock);
  }

  std::string CreateJob(const std::string& spec = "spec", const std::string& request_id = "") {
    const absl::StatusOr<JobRecord> job = jobs->Create({request_id, "name", spec});
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? job->id : "";
  }
  JobRecord Job(const std::string& id) {
    const absl::StatusOr<JobRecord> job = jobs->Get(id);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : JobRecord();
  }
  // Claims the oldest queued job, kept in `claim`; its id, "" if there is none.
  std::string Claim() {
    const absl::StatusOr<std::optional<JobClaim>> claimed = jobs->Claim(absl::Seconds(30));
    EXPECT_TRUE(claimed.ok()) << claimed.status();
    if (!claimed.ok() || !claimed->has_value()) return "";
    claim = **claimed;
    return claim.job.id;
  }

  TemporaryDirectory directory;
  FakeClock clock;
  JobClaim claim;  // the last one
  EventHub hub;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<StateDatabase> database;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<JobStore> jobs;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_SERVER_JOBS_STATE_FIXTURE_H_
