#ifndef HALFTONE_SERVER_JOBS_JOB_STORE_H_
#define HALFTONE_SERVER_JOBS_JOB_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/job_record.h"
#include "server/jobs/state_database.h"

namespace halftone {

// Jobs and their events. Every change is one transaction, appends an event where watchers should
// learn of it, and then notifies the hub. Thread-safe. Errors of the database as Database says.
class JobStore {
 public:
  // Borrows all three.
  JobStore(StateDatabase* database, EventHub* hub, const Clock* clock)
      : database_(database), hub_(hub), clock_(clock) {}

  // Queues a job. With the request_id of an earlier job and the same spec and display name, returns
  // that job; with others, ALREADY_EXISTS.
  absl::StatusOr<JobRecord> Create(const NewJob& job);
  // NOT_FOUND names `jobs/{id}`.
  absl::StatusOr<JobRecord> Get(const std::string& id) const;
  // Newest first; only the given states, all if there are none. INVALID_ARGUMENT for a token that
  // is malformed or of another filter.
  absl::StatusOr<JobPage> List(int page_size, const std::string& page_token,
                               const std::vector<JobState>& states) const;
  // At most `limit` events after `after_sequence`, in order. NOT_FOUND.
  absl::StatusOr<std::vector<JobEvent>> Events(const std::string& id, int64_t after_sequence,
                                               int limit) const;

  // Gives the oldest queued job (or only the job `only`, if queued) to `owner` for `lease`.
  absl::StatusOr<std::optional<JobRecord>> Claim(const std::string& owner, absl::Duration lease,
                                                 const std::optional<std::string>& only = {});
  // Extends the lease. Returns whether the job's cancellation is requested. ABORTED when the job is
  // no longer running for `owner`.
  absl::StatusOr<bool> Heartbeat(const std::string& id, const std::string& owner,
                                 absl::Duration lease);
  // Notes the progress of a running job, with an event.
  absl::Status RecordProgress(const std::string& id, JobEventKind kind, const JobProgress& progress,
                              bool reused, absl::string_view detail);

  // The ends of a running job. ABORTED when it is not running.
  absl::Status Succeed(const std::string& id, const JobOutcome& outcome);
  absl::Status Fail(const std::string& id, const absl::Status& error);
  absl::Status MarkCancelled(const std::string& id);
  // Puts a running job back into the queue: it will go on after its last finished stage.
  absl::Status Requeue(const std::string& id, absl::string_view reason);

  // Re-queues the jobs that a process which is gone was running. A job that was interrupted
  // `kMaxFruitlessAttempts` times without finishing a stage fails instead: it probably takes the
  // server down. Only for the holder of the directory's lock. Returns the ids.
  absl::StatusOr<std::vector<std::string>> RecoverInterrupted();
  static constexpr int kMaxFruitlessAttempts = 3;

  // Asks for the end: a queued job is CANCELLED at once, a running one is marked. Others stay.
  absl::StatusOr<JobRecord> RequestCancel(const std::string& id);
  // FAILED_PRECONDITION while the job is running; NOT_FOUND.
  absl::Status Delete(const std::string& id);

 private:
  absl::StatusOr<JobRecord> Find(absl::string_view column, const std::string& value) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status LoadArtifacts(JobRecord& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status AppendEvent(const JobRecord& job, JobEventKind kind, bool reused,
                           absl::string_view detail)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::StatusOr<JobRecord> FindRunning(const std::string& id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Writes state, stage, fractions, ETA, error, result and times of `job`, with an event.
  absl::Status Save(const JobRecord& job, JobEventKind kind, bool reused, absl::string_view detail)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status End(const std::string& id, JobState state, const JobOutcome& outcome,
                   const absl::Status& error);

  StateDatabase* database_;
  EventHub* hub_;
  const Clock* clock_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_JOB_STORE_H_
