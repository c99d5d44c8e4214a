// The part of SqliteJobStore that gives claims and takes them back.
#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "server/jobs/sqlite/sqlite_job_store.h"

namespace halftone {
namespace {

constexpr absl::Duration kLongestBackOff = absl::Minutes(5);

// How long a job waits after its `deaths`-th death in the midst of the same stage.
absl::Duration BackOff(int deaths) {
  if (deaths <= 1) return absl::ZeroDuration();
  return std::min(kLongestBackOff, absl::Seconds(5) * (1 << (2 * std::min(deaths - 2, 8))));
}

// Random, so that no two claims ever share one, on whichever machine.
std::string NewToken() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 4; ++i) absl::StrAppendFormat(&token, "%08x", random());
  return token;
}

}  // namespace

int64_t SqliteJobStore::LeaseTime() const {
  return absl::ToUnixNanos(opened_ + (clock_->Steady() - opened_steady_));
}

absl::StatusOr<std::optional<std::string>> SqliteJobStore::OldestDue(
    const std::string& only) const {
  // A time to wait for that is too far off was written before the time of day was set back.
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_->connection.Prepare(
                          "SELECT id FROM jobs WHERE state = ? AND (? = '' OR id = ?) "
                          "AND (not_before_ns <= ? OR not_before_ns > ?) ORDER BY number LIMIT 1"));
  const int64_t now = LeaseTime();
  select.Bind(1, static_cast<int64_t>(JobState::kQueued)).Bind(2, only).Bind(3, only);
  select.Bind(4, now).Bind(5, now + absl::ToInt64Nanoseconds(kLongestBackOff));
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::nullopt;
  return select.Text(0);
}

absl::StatusOr<JobClaim> SqliteJobStore::Take(Change& change, const std::string& id,
                                              absl::Duration lease) {
  JobClaim claim;
  claim.token = NewToken();
  claim.lease = lease;
  HT_ASSIGN_OR_RETURN(JobRecord job, Find("id", id));
  job.state = JobState::kRunning;
  job.attempts += 1;
  if (!job.start_time.has_value()) job.start_time = clock_->Now();
  HT_RETURN_IF_ERROR(Save(change, job, JobEventKind::kStateChanged, false, "started"));
  {
    HT_ASSIGN_OR_RETURN(
        Statement update,
        database_->connection.Prepare("UPDATE jobs SET lease_token = ?, lease_expires_ns = ?, "
                                      "lease_ns = ? WHERE number = ?"));
    const int64_t lease_ns = absl::ToInt64Nanoseconds(lease);
    update.Bind(1, claim.token).Bind(2, LeaseTime() + lease_ns).Bind(3, lease_ns);
    update.Bind(4, job.number);
    HT_RETURN_IF_ERROR(update.Run());
  }
  HT_ASSIGN_OR_RETURN(claim.job, Find("id", id));
  HT_ASSIGN_OR_RETURN(claim.spec, LoadSpec(id));
  return claim;
}

absl::StatusOr<std::optional<JobClaim>> SqliteJobStore::Claim(
    absl::Duration lease, const std::optional<std::string>& only) {
  std::optional<JobClaim> claim;
  absl::MutexLock lock(&database_->mutex);
  database_->TakeReserve();
  HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
  HT_RETURN_IF_ERROR(TakeBack(change, /*only_expired=*/true).status());
  HT_ASSIGN_OR_RETURN(const std::optional<std::string> id, OldestDue(only.value_or("")));
  if (id.has_value()) {
    HT_ASSIGN_OR_RETURN(claim, Take(change, *id, lease));
  }
  HT_RETURN_IF_ERROR(change.Commit());
  if (claim.has_value()) tokens_[claim->job.id] = claim->token;
  return claim;
}

absl::Status SqliteJobStore::TakeBack(Change& change, const std::string& id, int stage_starts) {
  HT_ASSIGN_OR_RETURN(JobRecord job, Find("id", id));
  job.progress.eta_seconds = -1;
  std::string detail = "queued again: the server was interrupted";
  job.state = JobState::kQueued;
  if (job.cancel_requested) {
    job.state = JobState::kCancelled;
    detail = "cancelled";
  } else if (stage_starts >= kMaxStageStarts) {
    job.state = JobState::kFailed;
    detail = absl::StrCat("the server died ", stage_starts, " times while it ran one stage of it");
    job.error = absl::InternalError(detail);
  }
  if (IsTerminal(job.state)) job.end_time = clock_->Now();
  HT_RETURN_IF_ERROR(Save(change, job, JobEventKind::kStateChanged, false, detail));
  HT_ASSIGN_OR_RETURN(
      Statement update,
      database_->connection.Prepare("UPDATE jobs SET lease_token = '', lease_expires_ns = 0, "
                                    "lease_ns = 0, not_before_ns = ? WHERE number = ?"));
  update.Bind(1, LeaseTime() + absl::ToInt64Nanoseconds(BackOff(stage_starts)));
  update.Bind(2, job.number);
  return update.Run();
}

absl::StatusOr<std::vector<std::string>> SqliteJobStore::TakeBack(Change& change,
                                                                  bool only_expired) {
  std::vector<std::pair<std::string, int>> running;
  {
    // An end that is farther off than the lease is long was written before the time of day was
    // set back.
    HT_ASSIGN_OR_RETURN(
        Statement select,
        database_->connection.Prepare(
            "SELECT id, stage_starts FROM jobs WHERE state = ? AND (? = 0 OR "
            "lease_expires_ns <= ? OR lease_expires_ns - lease_ns > ?) ORDER BY number"));
    const int64_t now = LeaseTime();
    select.Bind(1, static_cast<int64_t>(JobState::kRunning)).Bind(2, int64_t{only_expired});
    select.Bind(3, now).Bind(4, now);
    while (true) {
      HT_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) break;
      running.emplace_back(select.Text(0), static_cast<int>(select.Int(1)));
    }
  }
  std::vector<std::string> ids;
  for (const auto& [id, stage_starts] : running) {
    HT_RETURN_IF_ERROR(TakeBack(change, id, stage_starts));
    ids.push_back(id);
  }
  return ids;
}

absl::StatusOr<std::vector<std::string>> SqliteJobStore::RecoverInterrupted() {
  absl::MutexLock lock(&database_->mutex);
  return database_->ChangeWithReserve(
      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS -> absl::StatusOr<std::vector<std::string>> {
        HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
        HT_ASSIGN_OR_RETURN(std::vector<std::string> ids, TakeBack(change, /*only_expired=*/false));
        HT_RETURN_IF_ERROR(change.Commit());
        return ids;
      });
}

}  // namespace halftone
