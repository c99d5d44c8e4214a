#ifndef HALFTONE_SERVER_JOBS_JOB_STORE_H_
#define HALFTONE_SERVER_JOBS_JOB_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/jobs/job_record.h"

namespace halftone {

// The right to run a job, as JobStore::Claim gave it. A plain value.
struct JobClaim {
  JobRecord job;  // as it was when it was claimed
  std::string spec;
  std::string token;
  absl::Duration lease;
};

// That a job has changed, or is gone.
struct JobChange {
  int64_t revision = 0;
  int64_t number = 0;
  std::string id;
  bool deleted = false;
};

// Jobs and their events. Every change is atomic, durable once the call returns, appends an event
// where watchers should learn of it, and raises the store's revision. SUCCEEDED, FAILED and
// CANCELLED never change; the change to one of them takes the job's kStageProgress events away,
// while its states, and the beginnings and ends of its stages, stay. Thread-safe, and safe for
// several processes. Only the calls that say so read a job's spec: all others cost the same however
// large it is. Besides the errors that are named, every call may fail with RESOURCE_EXHAUSTED
// (disk full), UNAVAILABLE (in use), DATA_LOSS or INTERNAL, and has then changed nothing.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Queues a job. With the request_id of an earlier job and the same spec (which is read) and
  // display name, returns that job; with others, ALREADY_EXISTS.
  virtual absl::StatusOr<JobRecord> Create(const NewJob& job) = 0;
  // NOT_FOUND names `jobs/{id}`.
  virtual absl::StatusOr<JobRecord> Get(const std::string& id) const = 0;
  // Reads the job's spec. NOT_FOUND.
  virtual absl::StatusOr<std::string> Spec(const std::string& id) const = 0;
  // Newest first; only the given states, all if there are none. INVALID_ARGUMENT for a token that
  // is malformed or of another filter.
  virtual absl::StatusOr<JobPage> List(int page_size, const std::string& page_token,
                                       const std::vector<JobState>& states) const = 0;
  // At most `limit` events after `after_sequence`, in order. NOT_FOUND.
  virtual absl::StatusOr<std::vector<JobEvent>> Events(const std::string& id,
                                                       int64_t after_sequence, int limit) const = 0;

  // Rises with every change of any job, deletions included, and never falls.
  virtual absl::StatusOr<int64_t> Revision() const = 0;
  // The jobs that changed or were deleted after `revision`, each once and by its last change, at
  // most `limit`, by rising revision: the last one's is where to go on.
  virtual absl::StatusOr<std::vector<JobChange>> ChangesSince(int64_t revision,
                                                              int limit) const = 0;

  // Gives the oldest queued job (or only the job `only`, if queued) to the caller for `lease`, with
  // its spec, which is read; none if there is none that is due. Running jobs whose lease has
  // expired go back into the queue first, as RecoverInterrupted() says. Leases run by the steady
  // clock, so that they neither end nor last when the time of day jumps.
  virtual absl::StatusOr<std::optional<JobClaim>> Claim(
      absl::Duration lease, const std::optional<std::string>& only = {}) = 0;

  // What the holder of a claim writes. ABORTED names the job once the claim is lost: it was
  // claimed by another, went back into the queue, ended, or is gone. A lease that has expired is
  // lost only when somebody takes the job; until then its holder may write, and extend it.
  //
  // Extends the lease. Returns whether the job's cancellation is requested.
  virtual absl::StatusOr<bool> Heartbeat(const JobClaim& claim) = 0;
  // Counts that a stage's work begins: see RecoverInterrupted(). A kStageFinished that is not
  // `reused` ends the count.
  virtual absl::Status BeginStage(const JobClaim& claim) = 0;
  // Takes the last BeginStage() back: the work only waits, and no death is to be held against it
  // until it begins again.
  virtual absl::Status PauseStage(const JobClaim& claim) = 0;
  // Notes progress, with an event.
  virtual absl::Status RecordProgress(const JobClaim& claim, JobEventKind kind,
                                      const JobProgress& progress, bool reused,
                                      absl::string_view detail) = 0;
  // Adds an artifact to the job, or replaces it, with an event kArtifactReady of that detail.
  virtual absl::Status AddArtifact(const JobClaim& claim, const std::string& file,
                                   const StoredArtifact& artifact, const JobProgress& progress,
                                   absl::string_view detail) = 0;
  virtual absl::Status Succeed(const JobClaim& claim, const JobOutcome& outcome) = 0;
  virtual absl::Status Fail(const JobClaim& claim, const absl::Status& error) = 0;
  virtual absl::Status MarkCancelled(const JobClaim& claim) = 0;
  // Puts the job back into the queue: it will go on after its last finished stage.
  virtual absl::Status Requeue(const JobClaim& claim, absl::string_view reason) = 0;

  // Takes running jobs from runners that are gone: those whose cancellation is requested are
  // CANCELLED, the others are queued again. Only a death in the midst of a stage is held against a
  // job: the second in a row of the same stage lets it wait before it is due, longer each time, and
  // after `kMaxStageStarts` it fails, for it probably takes the server down. Only for the one who
  // knows that nobody else runs jobs of this store. Returns the ids.
  virtual absl::StatusOr<std::vector<std::string>> RecoverInterrupted() = 0;
  static constexpr int kMaxStageStarts = 5;

  // Asks for the end: a queued job is CANCELLED at once, a running one is marked. Others stay.
  // Where the disk is full, the holder of a claim that this store gave is told all the same: the
  // mark is written as soon as there is room, and forgotten if the process ends before.
  virtual absl::StatusOr<JobRecord> RequestCancel(const std::string& id) = 0;
  // FAILED_PRECONDITION while the job is running; NOT_FOUND.
  virtual absl::Status Delete(const std::string& id) = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_JOB_STORE_H_
