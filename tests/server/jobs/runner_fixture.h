#ifndef HALFTONE_TESTS_SERVER_JOBS_RUNNER_FIXTURE_H_
#define HALFTONE_TESTS_SERVER_JOBS_RUNNER_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "server/jobs/job_runner.h"
#include "tests/await.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {

// Runs pipelines of the tests' own making on a real store.
class JobRunnerTest : public StateFixture {
 protected:
  std::unique_ptr<JobRunner> StartRunner(Pipeline pipeline, std::optional<std::string> only = {}) {
    return StartRunnerOn(jobs.get(), std::move(pipeline), std::move(only));
  }

  std::unique_ptr<JobRunner> StartRunnerOn(JobStore* store, Pipeline pipeline,
                                           std::optional<std::string> only = {}) {
    JobRunner::Options options;
    options.first_retry = absl::Milliseconds(1);
    options.longest_retry = absl::Milliseconds(4);
    options.heartbeat = absl::Milliseconds(20);
    options.max_jobs = max_jobs;
    options.recover = recover;
    options.only = std::move(only);
    auto runner = std::make_unique<JobRunner>(store, blobs.get(), &hub, &gate, &clock,
                                              std::move(pipeline), options);
    runner->Start();
    return runner;
  }

  // Waits until the job is in `state`; fails the test after 10 s.
  void AwaitState(const std::string& id, JobState state) {
    absl::Mutex mutex;
    bool reached = false;
    const EventHub::Subscription subscription = hub.Subscribe(id, [&] {
      const bool now = Job(id).state == state;
      absl::MutexLock lock(&mutex);
      reached |= now;
    });
    const bool already = Job(id).state == state;
    {
      absl::MutexLock lock(&mutex);
      reached |= already;
      EXPECT_TRUE(mutex.AwaitWithTimeout(absl::Condition(&reached), absl::Minutes(4)))
          << JobStateName(Job(id).state);
    }
    hub.Unsubscribe(subscription);
  }

  static absl::Status UntilCancelled(const Cancellation& cancellation) {
    Await([&] { return !cancellation.Check().ok(); });
    return cancellation.Check();
  }

  static absl::StatusOr<PipelineOutput> SucceedAtOnce(const JobClaim&, const JobObserver&,
                                                      const Cancellation&) {
    return PipelineOutput();
  }

  // Until somebody waits for the gate, whose pass the test holds. One may wait: so the next one is
  // refused.
  void AwaitTheGatesWaiter() {
    Await([&] {
      bool refused = false;
      Cancellation cancelled;
      gate.Enter(cancelled, [&](auto pass) { refused = absl::IsResourceExhausted(pass.status()); });
      cancelled.Cancel();
      gate.WithdrawCancelled();
      return refused;
    });
  }

  ComputeGate gate{/*max_waiting=*/1};
  // Of the runners to come.
  int max_jobs = 16;
  bool recover = false;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_SERVER_JOBS_RUNNER_FIXTURE_H_
