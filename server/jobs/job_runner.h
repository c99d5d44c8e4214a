#ifndef HALFTONE_SERVER_JOBS_JOB_RUNNER_H_
#define HALFTONE_SERVER_JOBS_JOB_RUNNER_H_

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/compute_gate.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/job_run.h"
#include "server/jobs/job_store.h"
#include "server/jobs/job_turns.h"

namespace halftone {

// Runs queued jobs, oldest first, each on a thread of its own. One of them works at a time; the
// next one begins when it has ended, or waits for something elsewhere (JobTurns): a profiler that
// hangs keeps no other job QUEUED, unless `max_jobs` wait so. What keeps it from taking up jobs,
// e.g. a full disk, is tried again every second and told in the log once. Thread-safe.
class JobRunner {
 public:
  struct Options : JobRunOptions {
    absl::Duration lease = absl::Seconds(30);
    absl::Duration heartbeat = absl::Milliseconds(300);  // also how soon a cancellation is seen
    int max_jobs = 16;                                   // that are RUNNING
    std::optional<std::string> only;                     // run this job only
    // JobStore::RecoverInterrupted() is still to be done, before any job is taken up.
    bool recover = false;
  };

  // Borrows all but the pipeline.
  JobRunner(JobStore* store, const BlobStore* blobs, EventHub* hub, ComputeGate* gate,
            const Clock* clock, Pipeline pipeline, Options options);
  // As Stop().
  ~JobRunner();

  void Start();
  // Checkpoints the running jobs, which are queued again, and ends all threads.
  void Stop();

 private:
  struct Running {
    std::shared_ptr<JobRun> run;  // the beats' too
    std::thread thread;
  };

  void Loop();
  void HeartbeatLoop();
  // Takes up jobs while there are any; what went wrong otherwise.
  absl::Status RunQueue();
  void Begin(JobClaim claim, std::unique_ptr<JobTurns::Turn> turn);
  // Joins the threads of those that have ended, or of all.
  void Join(bool all);

  const JobRun::Tools tools_;
  EventHub* const hub_;
  const Pipeline pipeline_;
  const Options options_;
  JobTurns turns_;
  bool is_recovered_;  // of thread_

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool work_ ABSL_GUARDED_BY(mutex_) = true;  // the queue may have something
  std::vector<Running> running_ ABSL_GUARDED_BY(mutex_);
  std::optional<EventHub::Subscription> subscription_;
  std::thread thread_, heartbeat_thread_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_JOB_RUNNER_H_
