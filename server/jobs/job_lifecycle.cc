// The part of JobStore that the runner uses: claims, progress and ends of running jobs.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/job_store.h"

namespace halftone {

absl::StatusOr<std::optional<JobRecord>> JobStore::Claim(const std::string& owner,
                                                         absl::Duration lease,
                                                         const std::optional<std::string>& only) {
  std::string id;
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database_->connection));
    {
      HT_ASSIGN_OR_RETURN(Statement select,
                          database_->connection.Prepare(
                              "SELECT id FROM jobs WHERE state = ? AND (? = '' OR id = ?) "
                              "ORDER BY number LIMIT 1"));
      select.Bind(1, static_cast<int64_t>(JobState::kQueued));
      select.Bind(2, only.value_or("")).Bind(3, only.value_or(""));
      HT_ASSIGN_OR_RETURN(const bool found, select.Step());
      if (!found) return std::nullopt;
      id = select.Text(0);
    }
    HT_ASSIGN_OR_RETURN(JobRecord job, Find("id", id));
    job.state = JobState::kRunning;
    job.attempts += 1;
    if (!job.start_time.has_value()) job.start_time = clock_->Now();
    HT_RETURN_IF_ERROR(Save(job, JobEventKind::kStateChanged, false, "started"));
    {
      HT_ASSIGN_OR_RETURN(Statement update,
                          database_->connection.Prepare(
                              "UPDATE jobs SET fruitless_attempts = fruitless_attempts + 1, "
                              "lease_owner = ?, lease_expires_ns = ? WHERE number = ?"));
      update.Bind(1, owner).Bind(2, absl::ToUnixNanos(clock_->Now() + lease)).Bind(3, job.number);
      HT_RETURN_IF_ERROR(update.Run());
    }
    HT_RETURN_IF_ERROR(transaction.Commit());
  }
  hub_->Notify(id);
  HT_ASSIGN_OR_RETURN(JobRecord claimed, Get(id));
  return claimed;
}

absl::StatusOr<bool> JobStore::Heartbeat(const std::string& id, const std::string& owner,
                                         absl::Duration lease) {
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement select, database_->connection.Prepare(
                                            "SELECT cancel_requested, lease_expires_ns FROM jobs "
                                            "WHERE id = ? AND lease_owner = ? AND state = ?"));
  select.Bind(1, id).Bind(2, owner).Bind(3, static_cast<int64_t>(JobState::kRunning));
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) {
    return absl::AbortedError(absl::StrCat("job 'jobs/", id, "' no longer belongs to this runner"));
  }
  const bool cancel_requested = select.Int(0) != 0;
  // A beat that only looks costs no write.
  if (absl::FromUnixNanos(select.Int(1)) - now > lease * 2 / 3) return cancel_requested;
  HT_ASSIGN_OR_RETURN(Statement update, database_->connection.Prepare(
                                            "UPDATE jobs SET lease_expires_ns = ? WHERE id = ?"));
  update.Bind(1, absl::ToUnixNanos(now + lease)).Bind(2, id);
  HT_RETURN_IF_ERROR(update.Run());
  return cancel_requested;
}

absl::Status JobStore::RecordProgress(const std::string& id, JobEventKind kind,
                                      const JobProgress& progress, bool reused,
                                      absl::string_view detail) {
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database_->connection));
    HT_ASSIGN_OR_RETURN(JobRecord job, FindRunning(id));
    job.progress = progress;
    HT_RETURN_IF_ERROR(Save(job, kind, reused, detail));
    if (kind == JobEventKind::kStageFinished && !reused) {
      HT_ASSIGN_OR_RETURN(
          Statement update,
          database_->connection.Prepare("UPDATE jobs SET fruitless_attempts = 0 WHERE number = ?"));
      update.Bind(1, job.number);
      HT_RETURN_IF_ERROR(update.Run());
    }
    HT_RETURN_IF_ERROR(transaction.Commit());
  }
  hub_->Notify(id);
  return absl::OkStatus();
}

absl::Status JobStore::End(const std::string& id, JobState state, const JobOutcome& outcome,
                           const absl::Status& error) {
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database_->connection));
    HT_ASSIGN_OR_RETURN(JobRecord job, FindRunning(id));
    job.state = state;
    job.end_time = clock_->Now();
    job.error = error;
    job.progress.eta_seconds = state == JobState::kSucceeded ? 0 : -1;
    if (state == JobState::kSucceeded) {
      job.progress.fraction = 1;
      job.result_sha256 = outcome.result_sha256;
      job.solution_status = outcome.solution_status;
      for (const auto& [name, artifact] : outcome.artifacts) {
        HT_ASSIGN_OR_RETURN(Statement insert,
                            database_->connection.Prepare(
                                "INSERT OR REPLACE INTO job_artifacts (job, name, sha256, "
                                "size_bytes) VALUES (?, ?, ?, ?)"));
        insert.Bind(1, job.number).Bind(2, name).Bind(3, artifact.sha256);
        insert.Bind(4, artifact.size_bytes);
        HT_RETURN_IF_ERROR(insert.Run());
      }
    }
    HT_RETURN_IF_ERROR(Save(job, JobEventKind::kStateChanged, false,
                            error.ok() ? JobStateName(state) : error.message()));
    HT_RETURN_IF_ERROR(transaction.Commit());
  }
  hub_->Notify(id);
  return absl::OkStatus();
}

absl::Status JobStore::Succeed(const std::string& id, const JobOutcome& outcome) {
  return End(id, JobState::kSucceeded, outcome, absl::OkStatus());
}

absl::Status JobStore::Fail(const std::string& id, const absl::Status& error) {
  return End(id, JobState::kFailed, {}, error);
}

absl::Status JobStore::MarkCancelled(const std::string& id) {
  return End(id, JobState::kCancelled, {}, absl::OkStatus());
}

absl::Status JobStore::Requeue(const std::string& id, absl::string_view reason) {
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database_->connection));
    HT_ASSIGN_OR_RETURN(JobRecord job, FindRunning(id));
    job.state = JobState::kQueued;
    job.progress.eta_seconds = -1;
    HT_RETURN_IF_ERROR(Save(job, JobEventKind::kStateChanged, false, reason));
    {
      HT_ASSIGN_OR_RETURN(Statement update, database_->connection.Prepare(
                                                "UPDATE jobs SET fruitless_attempts = "
                                                "max(0, fruitless_attempts - 1), lease_owner = '', "
                                                "lease_expires_ns = 0 WHERE number = ?"));
      update.Bind(1, job.number);
      HT_RETURN_IF_ERROR(update.Run());
    }
    HT_RETURN_IF_ERROR(transaction.Commit());
  }
  hub_->Notify(id);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> JobStore::RecoverInterrupted() {
  std::vector<std::string> ids;
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database_->connection));
  std::vector<std::pair<std::string, int64_t>> running;
  {
    HT_ASSIGN_OR_RETURN(
        Statement select,
        database_->connection.Prepare("SELECT id, fruitless_attempts FROM jobs WHERE state = ?"));
    select.Bind(1, static_cast<int64_t>(JobState::kRunning));
    while (true) {
      HT_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) break;
      running.emplace_back(select.Text(0), select.Int(1));
    }
  }
  for (const auto& [id, fruitless] : running) {
    HT_ASSIGN_OR_RETURN(JobRecord job, Find("id", id));
    job.progress.eta_seconds = -1;
    std::string detail = "queued again: the server was interrupted";
    job.state = JobState::kQueued;
    if (job.cancel_requested) {
      job.state = JobState::kCancelled;
      detail = "cancelled";
    } else if (fruitless >= kMaxFruitlessAttempts) {
      job.state = JobState::kFailed;
      detail = absl::StrCat("the server died ", fruitless, " times while it ran this job");
      job.error = absl::InternalError(detail);
    }
    if (IsTerminal(job.state)) job.end_time = clock_->Now();
    HT_RETURN_IF_ERROR(Save(job, JobEventKind::kStateChanged, false, detail));
    ids.push_back(id);
  }
  HT_RETURN_IF_ERROR(transaction.Commit());
  return ids;
}

}  // namespace halftone
