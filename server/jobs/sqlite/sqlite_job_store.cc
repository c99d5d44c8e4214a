#include "server/jobs/sqlite/sqlite_job_store.h"

#include <memory>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/shown_text.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr absl::string_view kColumns =
    "number, id, display_name, "
    "CASE WHEN length(summary) > 0 THEN summary "
    "ELSE (SELECT spec FROM job_specs WHERE job = number) END, state, cancel_requested, stage, "
    "stage_fraction, fraction, "
    "eta_seconds, error_code, error_message, solution_status, result_sha256, create_ns, start_ns, "
    "update_ns, end_ns, attempts, last_event";

int64_t StageNumber(const std::optional<Stage>& stage) {
  return stage.has_value() ? static_cast<int64_t>(*stage) + 1 : 0;
}

std::optional<Stage> StageOf(int64_t number) {
  if (number == 0) return std::nullopt;
  return static_cast<Stage>(number - 1);
}

std::optional<absl::Time> OptionalTime(int64_t ns) {
  if (ns == 0) return std::nullopt;
  return absl::FromUnixNanos(ns);
}

int64_t TimeNumber(const std::optional<absl::Time>& time) {
  return time.has_value() ? absl::ToUnixNanos(*time) : 0;
}

JobRecord ReadJob(const Statement& row) {
  JobRecord job;
  job.number = row.Int(0);
  job.id = row.Text(1);
  job.display_name = row.Text(2);
  job.summary = row.Text(3);
  job.state = static_cast<JobState>(row.Int(4));
  job.cancel_requested = row.Int(5) != 0;
  job.progress = {StageOf(row.Int(6)), row.Real(7), row.Real(8), row.Real(9)};
  job.error = absl::Status(static_cast<absl::StatusCode>(row.Int(10)), row.Text(11));
  if (row.Int(12) != 0) job.solution_status = static_cast<Solution::Status>(row.Int(12) - 1);
  job.result_sha256 = row.Text(13);
  job.create_time = absl::FromUnixNanos(row.Int(14));
  job.start_time = OptionalTime(row.Int(15));
  job.update_time = absl::FromUnixNanos(row.Int(16));
  job.end_time = OptionalTime(row.Int(17));
  job.attempts = static_cast<int>(row.Int(18));
  job.last_event = row.Int(19);
  return job;
}

JobEvent ReadEvent(const Statement& row) {
  JobEvent event;
  event.sequence = row.Int(0);
  event.time = absl::FromUnixNanos(row.Int(1));
  event.kind = static_cast<JobEventKind>(row.Int(2));
  event.state = static_cast<JobState>(row.Int(3));
  event.progress = {StageOf(row.Int(4)), row.Real(5), row.Real(6), row.Real(7)};
  event.reused = row.Int(8) != 0;
  event.detail = row.Text(9);
  return event;
}

// 60 random bits in base 32: short enough to type.
std::string NewId() {
  constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 12; ++i) id.push_back(kDigits[random() % 32]);
  return id;
}

std::string StatesText(const std::vector<JobState>& states) {
  return absl::StrJoin(states, ",", [](std::string* out, JobState state) {
    absl::StrAppend(out, static_cast<int>(state));
  });
}

// A token is "<number of the last job seen>.<states of the filter>".
absl::StatusOr<int64_t> ParsePageToken(const std::string& token, const std::string& states) {
  if (token.empty()) return INT64_MAX;
  const std::pair<std::string, std::string> parts = absl::StrSplit(token, absl::MaxSplits('.', 1));
  int64_t number = 0;
  if (!absl::SimpleAtoi(parts.first, &number) || number < 1 || parts.second != states) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(token), " is malformed or of another filter"));
  }
  return number;
}

}  // namespace

absl::StatusOr<JobRecord> SqliteJobStore::Find(absl::string_view column,
                                               const std::string& value) const {
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_->connection.Prepare(
                          absl::StrCat("SELECT ", kColumns, " FROM jobs WHERE ", column, " = ?")));
  select.Bind(1, value);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::NotFoundError(absl::StrCat("there is no job 'jobs/", value, "'"));
  JobRecord job = ReadJob(select);
  job.cancel_requested |= unwritten_cancels_.count(job.id) > 0;
  // While the row is open, in the same read transaction: SQLite takes locks of the file for each.
  HT_RETURN_IF_ERROR(LoadArtifacts(job));
  return job;
}

absl::StatusOr<std::string> SqliteJobStore::LoadSpec(const std::string& id) const {
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_->connection.Prepare(
                          "SELECT spec FROM jobs JOIN job_specs ON job = number WHERE id = ?"));
  select.Bind(1, id);
  HT_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::NotFoundError(absl::StrCat("there is no job 'jobs/", id, "'"));
  return select.Text(0);
}

absl::Status SqliteJobStore::LoadArtifacts(JobRecord& job) const {
  // One that has never run has none.
  if (job.attempts == 0) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_->connection.Prepare(
                          "SELECT name, sha256, size_bytes FROM job_artifacts WHERE job = ?"));
  select.Bind(1, job.number);
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return absl::OkStatus();
    job.artifacts[select.Text(0)] = {select.Text(1), select.Int(2)};
  }
}

absl::Status SqliteJobStore::RaiseRevision() {
  return database_->connection.Execute("UPDATE store_revision SET revision = revision + 1");
}

absl::StatusOr<SqliteJobStore::Change> SqliteJobStore::Change::Begin(Database& database,
                                                                     EventHub* hub) {
  HT_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(database));
  return Change(std::move(transaction), hub);
}

absl::Status SqliteJobStore::Change::Commit() {
  HT_RETURN_IF_ERROR(transaction_.Commit());
  for (auto& [job, event] : events_) hub_->Publish(job, std::move(event));
  return absl::OkStatus();
}

absl::Status SqliteJobStore::AppendEvent(const JobRecord& job, const JobEvent& event) {
  HT_ASSIGN_OR_RETURN(Statement insert,
                      database_->connection.Prepare(
                          "INSERT INTO job_events (job, sequence, time_ns, kind, state, stage, "
                          "stage_fraction, fraction, eta_seconds, reused, detail) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.Bind(1, job.number).Bind(2, event.sequence).Bind(3, absl::ToUnixNanos(event.time));
  insert.Bind(4, static_cast<int64_t>(event.kind)).Bind(5, static_cast<int64_t>(event.state));
  insert.Bind(6, StageNumber(event.progress.stage)).Bind(7, event.progress.stage_fraction);
  insert.Bind(8, event.progress.fraction).Bind(9, event.progress.eta_seconds);
  insert.Bind(10, int64_t{event.reused}).Bind(11, event.detail);
  return insert.Run();
}

absl::Status SqliteJobStore::PruneProgress(const JobRecord& job) {
  HT_ASSIGN_OR_RETURN(Statement remove, database_->connection.Prepare(
                                            "DELETE FROM job_events WHERE job = ? AND kind = ?"));
  remove.Bind(1, job.number).Bind(2, static_cast<int64_t>(JobEventKind::kStageProgress));
  return remove.Run();
}

absl::Status SqliteJobStore::Save(Change& change, const JobRecord& job, JobEventKind kind,
                                  bool reused, absl::string_view detail) {
  JobRecord next = job;
  next.last_event += 1;
  next.update_time = clock_->Now();
  HT_RETURN_IF_ERROR(RaiseRevision());
  HT_ASSIGN_OR_RETURN(
      Statement update,
      database_->connection.Prepare(
          "UPDATE jobs SET state = ?, cancel_requested = ?, stage = ?, stage_fraction = ?, "
          "fraction = ?, eta_seconds = ?, error_code = ?, error_message = ?, solution_status = ?, "
          "result_sha256 = ?, start_ns = ?, update_ns = ?, end_ns = ?, attempts = ?, "
          "last_event = ?, revision = (SELECT revision FROM store_revision) WHERE number = ?"));
  update.Bind(1, static_cast<int64_t>(next.state)).Bind(2, int64_t{next.cancel_requested});
  update.Bind(3, StageNumber(next.progress.stage)).Bind(4, next.progress.stage_fraction);
  update.Bind(5, next.progress.fraction).Bind(6, next.progress.eta_seconds);
  update.Bind(7, static_cast<int64_t>(next.error.code())).Bind(8, next.error.message());
  update.Bind(9, next.solution_status.has_value() ? static_cast<int64_t>(*next.solution_status) + 1
                                                  : int64_t{0});
  update.Bind(10, next.result_sha256).Bind(11, TimeNumber(next.start_time));
  update.Bind(12, absl::ToUnixNanos(next.update_time)).Bind(13, TimeNumber(next.end_time));
  update.Bind(14, int64_t{next.attempts}).Bind(15, next.last_event).Bind(16, next.number);
  HT_RETURN_IF_ERROR(update.Run());
  auto event =
      std::make_shared<const JobEvent>(JobEvent{next.last_event, next.update_time, kind, next.state,
                                                next.progress, reused, std::string(detail)});
  if (IsTerminal(next.state)) HT_RETURN_IF_ERROR(PruneProgress(next));
  HT_RETURN_IF_ERROR(AppendEvent(next, *event));
  change.Tell(next.id, std::move(event));
  return absl::OkStatus();
}

absl::Status SqliteJobStore::InsertJob(const std::string& id, const NewJob& job) {
  {
    HT_ASSIGN_OR_RETURN(Statement insert,
                        database_->connection.Prepare(
                            "INSERT INTO jobs (id, request_id, display_name, summary, state, "
                            "create_ns, update_ns) VALUES (?, nullif(?, ''), ?, ?, ?, ?, ?)"));
    const int64_t now = absl::ToUnixNanos(clock_->Now());
    insert.Bind(1, id).Bind(2, job.request_id).Bind(3, job.display_name).BindBlob(4, job.summary);
    insert.Bind(5, static_cast<int64_t>(JobState::kQueued)).Bind(6, now).Bind(7, now);
    HT_RETURN_IF_ERROR(insert.Run());
  }
  HT_ASSIGN_OR_RETURN(
      Statement insert,
      database_->connection.Prepare(
          "INSERT INTO job_specs (job, spec) SELECT number, ? FROM jobs WHERE id = ?"));
  insert.BindBlob(1, job.spec).Bind(2, id);
  return insert.Run();
}

absl::StatusOr<JobRecord> SqliteJobStore::Create(const NewJob& job) {
  std::string id = NewId();
  {
    absl::MutexLock lock(&database_->mutex);
    HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
    if (!job.request_id.empty()) {
      absl::StatusOr<JobRecord> earlier = Find("request_id", job.request_id);
      if (earlier.ok()) {
        HT_ASSIGN_OR_RETURN(const std::string spec, LoadSpec(earlier->id));
        if (spec == job.spec && earlier->display_name == job.display_name) return earlier;
        return absl::AlreadyExistsError(absl::StrCat("request_id '", job.request_id,
                                                     "' was used for 'jobs/", earlier->id,
                                                     "' with another spec"));
      }
      if (!absl::IsNotFound(earlier.status())) return earlier.status();
    }
    HT_RETURN_IF_ERROR(InsertJob(id, job));
    HT_ASSIGN_OR_RETURN(const JobRecord created, Find("id", id));
    HT_RETURN_IF_ERROR(Save(change, created, JobEventKind::kStateChanged, false, "queued"));
    HT_RETURN_IF_ERROR(change.Commit());
  }
  return Get(id);
}

absl::StatusOr<JobRecord> SqliteJobStore::Get(const std::string& id) const {
  absl::MutexLock lock(&database_->mutex);
  return Find("id", id);
}

absl::StatusOr<std::string> SqliteJobStore::Spec(const std::string& id) const {
  absl::MutexLock lock(&database_->mutex);
  return LoadSpec(id);
}

absl::StatusOr<JobPage> SqliteJobStore::List(int page_size, const std::string& page_token,
                                             const std::vector<JobState>& states) const {
  const std::string filter = StatesText(states);
  HT_ASSIGN_OR_RETURN(const int64_t before, ParsePageToken(page_token, filter));
  JobPage page;
  absl::MutexLock lock(&database_->mutex);
  {
    HT_ASSIGN_OR_RETURN(Statement select,
                        database_->connection.Prepare(absl::StrCat(
                            "SELECT ", kColumns, " FROM jobs WHERE number < ? ",
                            filter.empty() ? "" : absl::StrCat("AND state IN (", filter, ") "),
                            "ORDER BY number DESC LIMIT ?")));
    select.Bind(1, before).Bind(2, int64_t{page_size} + 1);
    while (true) {
      HT_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) break;
      page.jobs.push_back(ReadJob(select));
      page.jobs.back().cancel_requested |= unwritten_cancels_.count(page.jobs.back().id) > 0;
    }
  }
  if (static_cast<int>(page.jobs.size()) > page_size) {
    page.jobs.pop_back();
    page.next_page_token = absl::StrCat(page.jobs.back().number, ".", filter);
  }
  for (JobRecord& job : page.jobs) HT_RETURN_IF_ERROR(LoadArtifacts(job));
  return page;
}

absl::StatusOr<std::vector<JobEvent>> SqliteJobStore::Events(const std::string& id,
                                                             int64_t after_sequence,
                                                             int limit) const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(const JobRecord job, Find("id", id));
  HT_ASSIGN_OR_RETURN(
      Statement select,
      database_->connection.Prepare(
          "SELECT sequence, time_ns, kind, state, stage, stage_fraction, fraction, eta_seconds, "
          "reused, detail FROM job_events WHERE job = ? AND sequence > ? ORDER BY sequence "
          "LIMIT ?"));
  select.Bind(1, job.number).Bind(2, after_sequence).Bind(3, int64_t{limit});
  std::vector<JobEvent> events;
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return events;
    events.push_back(ReadEvent(select));
  }
}

absl::StatusOr<int64_t> SqliteJobStore::Revision() const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_->connection.Prepare("SELECT revision FROM store_revision"));
  HT_RETURN_IF_ERROR(select.Step().status());
  return select.Int(0);
}

absl::StatusOr<std::vector<JobChange>> SqliteJobStore::ChangesSince(int64_t revision,
                                                                    int limit) const {
  absl::MutexLock lock(&database_->mutex);
  HT_ASSIGN_OR_RETURN(Statement select,
                      database_->connection.Prepare(
                          "SELECT revision, number, id, 0 FROM jobs WHERE revision > ? UNION ALL "
                          "SELECT revision, number, id, 1 FROM deleted_jobs WHERE revision > ? "
                          "ORDER BY revision LIMIT ?"));
  select.Bind(1, revision).Bind(2, revision).Bind(3, int64_t{limit});
  std::vector<JobChange> changes;
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return changes;
    changes.push_back({select.Int(0), select.Int(1), select.Text(2), select.Int(3) != 0});
  }
}

absl::Status SqliteJobStore::WriteCancel(const std::string& id) {
  HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
  HT_ASSIGN_OR_RETURN(JobRecord job, Find("id", id));
  const bool is_written = job.cancel_requested && unwritten_cancels_.count(id) == 0;
  if (IsTerminal(job.state) || is_written) return absl::OkStatus();
  job.cancel_requested = true;
  if (job.state == JobState::kQueued) {
    job.state = JobState::kCancelled;
    job.end_time = clock_->Now();
  }
  HT_RETURN_IF_ERROR(Save(change, job, JobEventKind::kStateChanged, false,
                          IsTerminal(job.state) ? "cancelled" : "cancellation requested"));
  HT_RETURN_IF_ERROR(change.Commit());
  unwritten_cancels_.erase(id);
  return absl::OkStatus();
}

absl::StatusOr<JobRecord> SqliteJobStore::RequestCancel(const std::string& id) {
  absl::MutexLock lock(&database_->mutex);
  const absl::Status written = database_->ChangeWithReserve(
      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return WriteCancel(id); });
  if (!written.ok()) {
    if (!absl::IsResourceExhausted(written) || !RunsHere(id)) return written;
    unwritten_cancels_.insert(id);
  }
  return Find("id", id);
}

absl::Status SqliteJobStore::WriteDeletion(const std::string& id) {
  HT_ASSIGN_OR_RETURN(Change change, Change::Begin(database_->connection, hub_));
  HT_ASSIGN_OR_RETURN(const JobRecord job, Find("id", id));
  if (job.state == JobState::kRunning) {
    return absl::FailedPreconditionError(
        absl::StrCat("job 'jobs/", id, "' is running: cancel it first, or use force"));
  }
  HT_RETURN_IF_ERROR(RaiseRevision());
  HT_RETURN_IF_ERROR(
      Update(job,
             "INSERT INTO deleted_jobs (revision, number, id) SELECT store_revision.revision, "
             "jobs.number, jobs.id FROM jobs, store_revision WHERE jobs.number = ?"));
  HT_RETURN_IF_ERROR(Update(job, "DELETE FROM jobs WHERE number = ?"));
  change.Tell(id, nullptr);
  return change.Commit();
}

absl::Status SqliteJobStore::Delete(const std::string& id) {
  absl::MutexLock lock(&database_->mutex);
  return database_->ChangeWithReserve(
      [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return WriteDeletion(id); });
}

}  // namespace halftone
