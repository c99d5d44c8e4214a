// The part of SqliteJobStore that the holder of a claim uses: progress and ends of running jobs.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/sqlite/sqlite_job_store.h"

namespace halftone {
absl::Status SqliteJobStore::LostClaim(const JobClaim& claim) const {
  const std::string name = absl::StrCat("'jobs/", claim.job.id, "'");
  const absl::StatusOr<JobRecord> job = Find("id", claim.job.id);
  if (absl::IsNotFound(job.status())) {
    return absl::AbortedError(absl::StrCat("the claim on job ", name, " is lost: it is deleted"));
  }
  HT_RETURN_IF_ERROR(job.status());
  return absl::AbortedError(absl::StrCat(
      "the claim on job ", name, " is lost: it is ",
      job->state == JobState::kRunning ? "claimed by another" : JobStateName(job->state)));
}

absl::StatusOr<JobRecord> SqliteJobStore::FindClaimed(const JobClaim& claim) const {
  {
    HT_ASSIGN_OR_RETURN(
        Statement select,
        database_->connection.Prepare(
            "SELECT number FROM jobs WHERE id = ? AND state = ? AND lease_token = ?"));
    select.Bind(1, claim.job.id).Bind(2, static_cast<int64_t>(JobState::kRunning));
    select.Bind(3, claim.token);
    HT_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (found && !claim.token.empty()) return Find("id", claim.job.id);
  }
  return LostClaim(claim);
}

bool SqliteJobStore::RunsHere(const std::string& id) const {
  const auto token = tokens_.find(id);
  if (token == tokens_.end()) return false;
  JobClaim claim;
  claim.job.id = id;
  claim.token = token->second;
  return FindClaimed(claim).ok();
}

void SqliteJobStore::Forget(const std::string& id) {
  tokens_.erase(id);
  unwritten_cancels_.erase(id);
}

absl::Status SqliteJobStore::Update(const JobRecord& job, absl::string_view sql) {
  HT_ASSIGN_OR_RETURN(Statement update, database_->connection.Prepare(sql));
  update.Bind(1, job.number);
  return update.Run();
}

absl::StatusOr<bool> SqliteJobStore::Heartbeat(const JobClaim& claim) {
  absl::MutexLock lock(&database_->mutex);
  const int64_t now = LeaseTime();
  const int64_t lease = absl::ToInt64Nanoseconds(claim.lease);
  // The next beat tries again.
  if (unwritten_cancels_.count(claim.job.id) > 0) WriteCancel(claim.job.id).IgnoreError();
  bool cancel_requested = unwritten_cancels_.count(claim.job.id) > 0;
  {
    HT_ASSIGN_OR_RETURN(
        Statement select,
        database_->connection.Prepare(
            "SELECT cancel_requested, lease_expires_ns FROM jobs "
            "WHERE id = ? AND lease_token = ? AND lease_token <> '' AND state = ?"));
    select.Bind(1, claim.job.id).Bind(2, claim.token);
    select.Bind(3, static_cast<int64_t>(JobState::kRunning));
    HT_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return LostClaim(claim);
    cancel_requested |= select.Int(0) != 0;
    // A beat that only looks costs no write.
    const int64_t left = select.Int(1) - now;
    if (left > lease / 3 * 2 && left <= lease) return cancel_requested;
  }
  HT_ASSIGN_OR_RETURN(Statement update,
                      database_->connection.Prepare(
                          "UPDATE jobs SET lease_expires_ns = ? WHERE id = ? AND lease_token = ?"));
  update.Bind(1, now + lease).Bind(2, claim.job.id).Bind(3, claim.token);
  const absl::Status extended = update.Run();
  // On a full disk the job's cancellation is still worth knowing.
  if (!extended.ok() && !cancel_requested) return extended;
  if (extended.ok() && database_->connection.Changes() == 0) return LostClaim(claim);
  return cancel_requested;
}

absl::Status SqliteJobStore::UpdateClaimed(const JobClaim& claim, absl::string_view sql) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database_->connection));
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindClaimed(claim));
  HT_RETURN_IF_ERROR(Update(job, sql));
  return transaction.Commit();
}

absl::Status SqliteJobStore::BeginStage(const JobClaim& claim) {
  return UpdateClaimed(claim, "UPDATE jobs SET stage_starts = stage_starts + 1 WHERE number = ?");
}

absl::Status SqliteJobStore::PauseStage(const JobClaim& claim) {
  return UpdateClaimed(claim,
                       "UPDATE jobs SET stage_starts = max(0, stage_starts - 1) WHERE number = ?");
}

absl::Status SqliteJobStore::RecordProgress(const JobClaim& claim, JobEventKind kind,
                                            const JobProgress& progress, bool reused,
                                            absl::string_view detail) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
  HT_ASSIGN_OR_RETURN(JobRecord job, FindClaimed(claim));
  job.progress = progress;
  HT_RETURN_IF_ERROR(Save(change, job, kind, reused, detail));
  if (kind == JobEventKind::kStageFinished && !reused) {
    HT_RETURN_IF_ERROR(Update(job, "UPDATE jobs SET stage_starts = 0 WHERE number = ?"));
  }
  return change.Commit();
}

absl::Status SqliteJobStore::AddArtifact(const JobClaim& claim, const std::string& file,
                                         const StoredArtifact& artifact,
                                         const JobProgress& progress, absl::string_view detail) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
  HT_ASSIGN_OR_RETURN(JobRecord job, FindClaimed(claim));
  job.progress = progress;
  HT_RETURN_IF_ERROR(SaveArtifacts(job, {{file, artifact}}));
  HT_RETURN_IF_ERROR(Save(change, job, JobEventKind::kArtifactReady, /*reused=*/false, detail));
  return change.Commit();
}

absl::Status SqliteJobStore::SaveArtifacts(const JobRecord& job,
                                           const std::map<std::string, StoredArtifact>& artifacts) {
  for (const auto& [name, artifact] : artifacts) {
    HT_ASSIGN_OR_RETURN(Statement insert, database_->connection.Prepare(
                                              "INSERT OR REPLACE INTO job_artifacts (job, name, "
                                              "sha256, size_bytes) VALUES (?, ?, ?, ?)"));
    insert.Bind(1, job.number).Bind(2, name).Bind(3, artifact.sha256);
    insert.Bind(4, artifact.size_bytes);
    HT_RETURN_IF_ERROR(insert.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteJobStore::WriteEnd(const JobClaim& claim, JobState state,
                                      const JobOutcome& outcome, const absl::Status& error) {
  HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
  HT_ASSIGN_OR_RETURN(JobRecord job, FindClaimed(claim));
  job.state = state;
  job.end_time = clock_->Now();
  job.error = error;
  job.progress.eta_seconds = state == JobState::kSucceeded ? 0 : -1;
  if (state == JobState::kSucceeded) {
    job.progress.fraction = 1;
    job.result_sha256 = outcome.result_sha256;
    job.solution_status = outcome.solution_status;
    HT_RETURN_IF_ERROR(SaveArtifacts(job, outcome.artifacts));
  }
  HT_RETURN_IF_ERROR(Save(change, job, JobEventKind::kStateChanged, false,
                          error.ok() ? JobStateName(state) : error.message()));
  return change.Commit();
}

absl::Status SqliteJobStore::End(const JobClaim& claim, JobState state, const JobOutcome& outcome,
                                 const absl::Status& error) {
  absl::MutexLock lock(&database_->mutex);
  const auto write = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return WriteEnd(claim, state, outcome, error);
  };
  // One that is cancelled, so that it can be deleted, is of those that make room.
  const bool makes_room = state == JobState::kCancelled;
  HT_RETURN_IF_ERROR(makes_room ? database_->ChangeWithReserve(write) : write());
  Forget(claim.job.id);
  return absl::OkStatus();
}

absl::Status SqliteJobStore::Succeed(const JobClaim& claim, const JobOutcome& outcome) {
  return End(claim, JobState::kSucceeded, outcome, absl::OkStatus());
}

absl::Status SqliteJobStore::Fail(const JobClaim& claim, const absl::Status& error) {
  return End(claim, JobState::kFailed, {}, error);
}

absl::Status SqliteJobStore::MarkCancelled(const JobClaim& claim) {
  return End(claim, JobState::kCancelled, {}, absl::OkStatus());
}

absl::Status SqliteJobStore::Requeue(const JobClaim& claim, absl::string_view reason) {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
  HT_ASSIGN_OR_RETURN(JobRecord job, FindClaimed(claim));
  job.state = JobState::kQueued;
  job.progress.eta_seconds = -1;
  HT_RETURN_IF_ERROR(Save(change, job, JobEventKind::kStateChanged, false, reason));
  // The start of the stage that is left off did not end in a death.
  HT_RETURN_IF_ERROR(
      Update(job,
             "UPDATE jobs SET stage_starts = max(0, stage_starts - 1), lease_token = '', "
             "lease_expires_ns = 0, lease_ns = 0, not_before_ns = 0 WHERE number = ?"));
  HT_RETURN_IF_ERROR(change.Commit());
  Forget(claim.job.id);
  return absl::OkStatus();
}

}  // namespace halftone
