#ifndef HALFTONE_SERVER_JOBS_JOB_RUN_H_
#define HALFTONE_SERVER_JOBS_JOB_RUN_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

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
#include "server/jobs/job_store.h"
#include "server/jobs/job_turns.h"

namespace halftone {

// What a job leaves: the JSON document of its result, and its artifacts as blobs that are stored
// already.
struct PipelineOutput {
  std::optional<Solution::Status> solution_status;  // of a search
  std::string result_json;
  std::map<std::string, std::string> artifacts;  // file name -> sha256
};

// What a job's pipeline tells of itself, on its thread. While it is `waiting`, for what is
// elsewhere, calls may compute and other jobs may work; that may be outside of a stage, too.
struct JobObserver : PipelineObserver {
  // Waiting for a disk with room: calls may compute, but no other job begins, which would come to
  // the same disk.
  WaitingObserver disk;
};

// Does what a job's spec says. Called on the job's thread; must honour the cancellation within a
// second.
using Pipeline = std::function<absl::StatusOr<PipelineOutput>(
    const JobClaim& claim, const JobObserver& observer, const Cancellation& cancellation)>;

struct JobRunOptions {
  absl::Duration progress_interval = absl::Milliseconds(250);  // at most one event in it
  // A job's end that could not be written is tried again after so long, twice as long each time.
  absl::Duration first_retry = absl::Milliseconds(50);
  absl::Duration longest_retry = absl::Seconds(1);
};

// The run of a job that is claimed, from its pipeline to its end in the store. A stage holds the
// compute gate while it runs. While the store or the disk refuses the job's end, e.g. because it is
// full, the job keeps its claim and its end is tried again until it is written, the job is
// cancelled, or the run is stopped. A run that learns that its claim is lost says so in the log,
// stops the work and writes no more. Thread-safe.
class JobRun {
 public:
  // What it borrows.
  struct Tools {
    JobStore* store;
    const BlobStore* blobs;
    ComputeGate* gate;
    const Clock* clock;
    const Pipeline* pipeline;
  };

  JobRun(const Tools& tools, const JobRunOptions& options, JobClaim claim,
         std::unique_ptr<JobTurns::Turn> turn);

  // Once, on a thread for it alone. Gives the job's turn back at its end.
  void Work();
  // Extends the claim while the pipeline runs, and sees whether the job is to be cancelled.
  void Beat();
  // Has the pipeline stop, and the job be queued again.
  void Stop();
  // Whether Work() is done but for its return.
  bool HasEnded() const;

 private:
  class Observer;

  absl::StatusOr<PipelineOutput> RunPipeline();
  // From here on nothing beats for the job. False when its claim is lost.
  bool EndWork();
  void ConcludeAtLast(const absl::StatusOr<PipelineOutput>& output);
  absl::Status Conclude(const absl::StatusOr<PipelineOutput>& output);
  // Stops the work where `status` says that the claim is lost.
  void NoteIfLost(const absl::Status& status);
  // False when the run is stopped.
  bool WaitToRetry(absl::Duration wait) const;
  absl::StatusOr<JobOutcome> StoreOutcome(const PipelineOutput& output) const;
  bool Stopping() const;

  const Tools tools_;
  const JobRunOptions options_;
  const JobClaim claim_;
  Cancellation cancellation_;
  std::unique_ptr<JobTurns::Turn> turn_;  // of Work()

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool working_ ABSL_GUARDED_BY(mutex_) = true;  // the pipeline runs, or is to
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;    // the claim
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_JOB_RUN_H_
