#include "server/services/job_deletion.h"

#include <atomic>
#include <memory>
#include <string>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/convert/resource_name.h"
#include "server/services/worker_pool.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

// One worker, who is busy with nothing but having a look.
class JobDeletionTest : public StateFixture {
 protected:
  JobDeletionTest() {
    context_.jobs = jobs.get();
    context_.hub = &hub;
    context_.pool = &pool_;
  }

  std::shared_ptr<JobDeletion> Delete(const std::string& id, bool force) {
    v1::DeleteJobRequest request;
    request.set_name(JobName(id));
    request.set_force(force);
    auto deletion = std::make_shared<JobDeletion>(&context_, request, cancellation_, &stopping_);
    deletion->Start([this](const absl::Status& status) {
      status_ = status;
      answered_.Notify();
    });
    return deletion;
  }
  absl::Status Answer() {
    EXPECT_TRUE(answered_.WaitForNotificationWithTimeout(absl::Minutes(4)));
    return status_;
  }
  // The worker has done all that it could: it takes one thing after the other.
  void AwaitIdleWorker() {
    absl::Notification reached;
    ASSERT_TRUE(pool_.Submit({}, [&] { reached.Notify(); }).ok());
    ASSERT_TRUE(reached.WaitForNotificationWithTimeout(absl::Minutes(4)))
        << "the deletion holds a thread";
  }
  bool Exists(const std::string& id) { return jobs->Get(id).ok(); }

  ServiceContext context_{};
  Cancellation cancellation_;
  std::atomic<bool> stopping_ = false;
  absl::Notification answered_;
  absl::Status status_;
  WorkerPool pool_{1, 10};
};

TEST_F(JobDeletionTest, DeletesWhatDoesNotRun) {
  const std::string id = CreateJob();
  Delete(id, /*force=*/false);
  EXPECT_TRUE(Answer().ok());
  EXPECT_FALSE(Exists(id));
}

TEST_F(JobDeletionTest, ARunningJobTakesForce) {
  const std::string id = CreateJob();
  ASSERT_EQ(Claim(), id);
  Delete(id, /*force=*/false);
  EXPECT_TRUE(absl::IsFailedPrecondition(Answer()));
  EXPECT_TRUE(Exists(id));
  EXPECT_FALSE(*jobs->Heartbeat(claim)) << "nobody asked it to end";
}

TEST_F(JobDeletionTest, WithForceItWaitsForTheJobsEndWithoutAThread) {
  const std::string id = CreateJob();
  ASSERT_EQ(Claim(), id);
  Delete(id, /*force=*/true);
  AwaitIdleWorker();
  EXPECT_TRUE(*jobs->Heartbeat(claim)) << "it is asked to end";
  hub.Notify(id);
  AwaitIdleWorker();
  EXPECT_FALSE(answered_.HasBeenNotified());
  ASSERT_TRUE(jobs->MarkCancelled(claim).ok());
  EXPECT_TRUE(Answer().ok());
  EXPECT_FALSE(Exists(id));
}

TEST_F(JobDeletionTest, WithForceAJobThatIsQueuedOrHasEndedGoesAtOnce) {
  const std::string id = CreateJob();
  Delete(id, /*force=*/true);
  EXPECT_TRUE(Answer().ok());
  EXPECT_FALSE(Exists(id));
}

TEST_F(JobDeletionTest, UnknownJobsAreNotFound) {
  Delete("none", /*force=*/true);
  EXPECT_TRUE(absl::IsNotFound(Answer()));
}

TEST_F(JobDeletionTest, ACancelledCallLeavesTheJobToEndByItself) {
  const std::string id = CreateJob();
  ASSERT_EQ(Claim(), id);
  const auto deletion = Delete(id, /*force=*/true);
  AwaitIdleWorker();
  cancellation_.Cancel();
  deletion->LookAgain();
  EXPECT_TRUE(absl::IsCancelled(Answer()));
  ASSERT_TRUE(jobs->MarkCancelled(claim).ok());
  AwaitIdleWorker();
  EXPECT_TRUE(Exists(id));
}

TEST_F(JobDeletionTest, AServerThatStopsSaysSo) {
  const std::string id = CreateJob();
  ASSERT_EQ(Claim(), id);
  Delete(id, /*force=*/true);
  AwaitIdleWorker();
  stopping_ = true;
  hub.NotifyAll();
  EXPECT_TRUE(absl::IsUnavailable(Answer()));
  EXPECT_TRUE(Exists(id));
}

}  // namespace
}  // namespace halftone
