#ifndef HALFTONE_SERVER_JOBS_JOB_RUNNER_H_
#define HALFTONE_SERVER_JOBS_JOB_RUNNER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "base/clock.h"
#include "search/pipeline.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/compute_gate.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/job_store.h"

namespace halftone {

// What a job leaves: the JSON document of its result, and its artifacts as blobs that are stored
// already.
struct PipelineOutput {
  std::optional<Solution::Status> solution_status;  // of a search
  std::string result_json;
  std::map<std::string, std::string> artifacts;  // file name -> sha256
};

// Does what a job's spec says. Called on the runner's thread; must honour the cancellation
// within a second.
using Pipeline = std::function<absl::StatusOr<PipelineOutput>(
    const JobClaim& claim, const PipelineObserver& observer, const Cancellation& cancellation)>;

// Runs queued jobs, one at a time, oldest first, on a thread of its own. A stage holds the compute
// gate while it runs, but for when it only waits. While the store or the disk refuses a job's end,
// e.g. because it is full, the job keeps its claim and its end is tried again until it is written,
// the job is cancelled, or the runner is stopped. A runner that learns that its claim is lost says
// so in the log, stops the work and writes no more. Thread-safe.
class JobRunner {
 public:
  struct Options {
    absl::Duration lease = absl::Seconds(30);
    absl::Duration heartbeat = absl::Milliseconds(300);  // also how soon a cancellation is seen
    absl::Duration progress_interval = absl::Milliseconds(250);  // at most one event in it
    // A job's end that could not be written is tried again after so long, twice as long each time.
    absl::Duration first_retry = absl::Milliseconds(50);
    absl::Duration longest_retry = absl::Seconds(1);
    std::optional<std::string> only;  // run this job only
  };

  // Borrows all but the pipeline.
  JobRunner(JobStore* store, const BlobStore* blobs, EventHub* hub, ComputeGate* gate,
            const Clock* clock, Pipeline pipeline, Options options);
  // As Stop().
  ~JobRunner();

  void Start();
  // Checkpoints the running job, which is queued again, and ends the thread.
  void Stop();

 private:
  class Observer;

  void Loop();
  void HeartbeatLoop();
  void Run(const JobClaim& claim);
  absl::StatusOr<PipelineOutput> RunPipeline(const JobClaim& claim,
                                             const Cancellation& cancellation);
  // From here on nothing beats for the job. False when its claim is lost.
  bool EndWork();
  void ConcludeAtLast(const JobClaim& claim, const absl::StatusOr<PipelineOutput>& output);
  absl::Status Conclude(const JobClaim& claim, const absl::StatusOr<PipelineOutput>& output);
  // Stops the work on the claim where `status` says that it is lost.
  void NoteIfLost(const JobClaim& claim, const absl::Status& status);
  // False when the runner stops.
  bool WaitToRetry(absl::Duration wait) const;
  absl::StatusOr<JobOutcome> StoreOutcome(const PipelineOutput& output) const;
  bool Stopping() const;

  JobStore* const store_;
  const BlobStore* const blobs_;
  EventHub* const hub_;
  ComputeGate* const gate_;
  const Clock* const clock_;
  const Pipeline pipeline_;
  const Options options_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool work_ ABSL_GUARDED_BY(mutex_) = true;  // the queue may have something
  // While its work is done; without its spec, which each beat would copy.
  std::optional<JobClaim> running_ ABSL_GUARDED_BY(mutex_);
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;          // the claim on the running job
  Cancellation cancellation_ ABSL_GUARDED_BY(mutex_);  // of the running job
  std::optional<EventHub::Subscription> subscription_;
  std::thread thread_, heartbeat_thread_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_JOB_RUNNER_H_
