#ifndef HALFTONE_SERVER_JOBS_SQLITE_SQLITE_JOB_STORE_H_
#define HALFTONE_SERVER_JOBS_SQLITE_SQLITE_JOB_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "server/jobs/event_hub.h"
#include "server/jobs/job_store.h"
#include "server/jobs/sqlite/state_database.h"

namespace halftone {

// Jobs in the database of a state directory. Every change is one transaction; its events are then
// given to the hub, in the order of their sequence. Errors of the database as Database says.
class SqliteJobStore final : public JobStore {
 public:
  // Borrows all three.
  SqliteJobStore(StateDatabase* database, EventHub* hub, const Clock* clock)
      : database_(database),
        hub_(hub),
        clock_(clock),
        opened_(clock->Now()),
        opened_steady_(clock->Steady()) {}

  using Summarize = std::function<absl::StatusOr<std::string>(const std::string& spec)>;
  // Gives jobs that were stored without a summary, as large ones were up to schema version 3, that
  // of their spec, each in a change of its own that nobody is told of. One whose spec `summarize`
  // refuses stays without. Returns how many were given one.
  absl::StatusOr<int> AddSummaries(const Summarize& summarize);

  absl::StatusOr<JobRecord> Create(const NewJob& job) override;
  absl::StatusOr<JobRecord> Get(const std::string& id) const override;
  absl::StatusOr<std::string> Spec(const std::string& id) const override;
  absl::StatusOr<JobPage> List(int page_size, const std::string& page_token,
                               const std::vector<JobState>& states) const override;
  absl::StatusOr<std::vector<JobEvent>> Events(const std::string& id, int64_t after_sequence,
                                               int limit) const override;
  absl::StatusOr<int64_t> Revision() const override;
  absl::StatusOr<std::vector<JobChange>> ChangesSince(int64_t revision, int limit) const override;

  absl::StatusOr<std::optional<JobClaim>> Claim(
      absl::Duration lease, const std::optional<std::string>& only = {}) override;
  absl::StatusOr<bool> Heartbeat(const JobClaim& claim) override;
  absl::Status BeginStage(const JobClaim& claim) override;
  absl::Status PauseStage(const JobClaim& claim) override;
  absl::Status RecordProgress(const JobClaim& claim, JobEventKind kind, const JobProgress& progress,
                              bool reused, absl::string_view detail) override;
  absl::Status AddArtifact(const JobClaim& claim, const std::string& file,
                           const StoredArtifact& artifact, const JobProgress& progress,
                           absl::string_view detail) override;
  absl::Status Succeed(const JobClaim& claim, const JobOutcome& outcome) override;
  absl::Status Fail(const JobClaim& claim, const absl::Status& error) override;
  absl::Status MarkCancelled(const JobClaim& claim) override;
  absl::Status Requeue(const JobClaim& claim, absl::string_view reason) override;
  absl::StatusOr<std::vector<std::string>> RecoverInterrupted() override;

  absl::StatusOr<JobRecord> RequestCancel(const std::string& id) override;
  absl::Status Delete(const std::string& id) override;

 private:
  // A transaction of this store, and what the hub is told once it is durable.
  class Change {
   public:
    static absl::StatusOr<Change> Begin(Database& database, EventHub* hub);
    void Tell(const std::string& job, EventHub::Event event) {
      events_.emplace_back(job, std::move(event));
    }
    // Under the database's mutex, so that the hub hears of changes in their order.
    absl::Status Commit();

   private:
    Change(Transaction transaction, EventHub* hub)
        : transaction_(std::move(transaction)), hub_(hub) {}
    Transaction transaction_;
    EventHub* hub_;
    std::vector<std::pair<std::string, EventHub::Event>> events_;
  };

  absl::StatusOr<std::vector<int64_t>> WithoutSummary() const;
  absl::StatusOr<std::optional<std::string>> SpecOf(int64_t number) const;
  absl::Status WriteSummary(int64_t number, const std::string& summary);
  absl::StatusOr<JobRecord> Find(absl::string_view column, const std::string& value) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::StatusOr<std::string> LoadSpec(const std::string& id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status InsertJob(const std::string& id, const NewJob& job)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status LoadArtifacts(JobRecord& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status AppendEvent(const JobRecord& job, const JobEvent& event)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status PruneProgress(const JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status RaiseRevision() ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // The job that is claimed. ABORTED when the claim is lost.
  absl::StatusOr<JobRecord> FindClaimed(const JobClaim& claim) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Why a claim is no longer good.
  absl::Status LostClaim(const JobClaim& claim) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Whether this store gave a claim on the job that is still good.
  bool RunsHere(const std::string& id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Nobody runs the job any more.
  void Forget(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status WriteCancel(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status WriteDeletion(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Runs a statement whose only parameter is the job's number.
  absl::Status Update(const JobRecord& job, absl::string_view sql)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // The same on the job that is claimed, as a change that nobody is told of.
  absl::Status UpdateClaimed(const JobClaim& claim, absl::string_view sql)
      ABSL_LOCKS_EXCLUDED(database_->mutex);
  // Writes state, stage, fractions, ETA, error, result and times of `job`, with an event.
  absl::Status Save(Change& change, const JobRecord& job, JobEventKind kind, bool reused,
                    absl::string_view detail) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status SaveArtifacts(const JobRecord& job,
                             const std::map<std::string, StoredArtifact>& artifacts)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status End(const JobClaim& claim, JobState state, const JobOutcome& outcome,
                   const absl::Status& error) ABSL_LOCKS_EXCLUDED(database_->mutex);
  absl::Status WriteEnd(const JobClaim& claim, JobState state, const JobOutcome& outcome,
                        const absl::Status& error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Takes running jobs from their runners: all, or those whose lease has expired.
  absl::StatusOr<std::vector<std::string>> TakeBack(Change& change, bool only_expired)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status TakeBack(Change& change, const std::string& id, int stage_starts)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::StatusOr<std::optional<std::string>> OldestDue(const std::string& only) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::StatusOr<JobClaim> Take(Change& change, const std::string& id, absl::Duration lease)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // The time by which leases run, in nanoseconds: the time of day when this store was opened, and
  // the steady clock from there on. It is comparable, but for jumps of the time of day, after a
  // restart too.
  int64_t LeaseTime() const;

  StateDatabase* database_;
  EventHub* hub_;
  const Clock* clock_;
  const absl::Time opened_;
  const absl::Duration opened_steady_;
  // The tokens of the claims that this store gave, by the job's id, until they are given back.
  std::map<std::string, std::string> tokens_ ABSL_GUARDED_BY(database_->mutex);
  // Jobs among them whose cancellation is requested and could not be written.
  std::set<std::string> unwritten_cancels_ ABSL_GUARDED_BY(database_->mutex);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SQLITE_SQLITE_JOB_STORE_H_
