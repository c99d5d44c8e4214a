#include "server/jobs/sqlite/state_database.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/directory_lock.h"

namespace halftone {
namespace {

// Times are nanoseconds since 1970. `state`, `kind` and `stage` are the numbers of the C++ enums
// (job_record.h, catalog.h), which therefore must not change; stage is 0 before the first.
// Databases of this version exist: it stays as it is.
constexpr char kVersion1[] = R"sql(
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  request_id TEXT UNIQUE,
  display_name TEXT NOT NULL,
  spec BLOB NOT NULL,
  state INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  stage INTEGER NOT NULL DEFAULT 0,
  stage_fraction REAL NOT NULL DEFAULT 0,
  fraction REAL NOT NULL DEFAULT 0,
  eta_seconds REAL NOT NULL DEFAULT -1,
  error_code INTEGER NOT NULL DEFAULT 0,
  error_message TEXT NOT NULL DEFAULT '',
  solution_status INTEGER NOT NULL DEFAULT 0,
  result_sha256 TEXT NOT NULL DEFAULT '',
  create_ns INTEGER NOT NULL,
  start_ns INTEGER NOT NULL DEFAULT 0,
  update_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  fruitless_attempts INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT NOT NULL DEFAULT '',
  lease_expires_ns INTEGER NOT NULL DEFAULT 0,
  last_event INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE TABLE job_artifacts (
  job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  PRIMARY KEY (job, name)
) WITHOUT ROWID;
CREATE TABLE job_events (
  job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  time_ns INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  stage_fraction REAL NOT NULL,
  fraction REAL NOT NULL,
  eta_seconds REAL NOT NULL,
  reused INTEGER NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (job, sequence)
) WITHOUT ROWID;
CREATE TABLE contents (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  kind INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  display_name TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  create_ns INTEGER NOT NULL,
  UNIQUE (kind, sha256)
);
CREATE TABLE stage_outputs (
  stage INTEGER NOT NULL,
  key TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  create_ns INTEGER NOT NULL,
  PRIMARY KEY (stage, key)
) WITHOUT ROWID;
CREATE TABLE measured_costs (
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID
)sql";

// A claim is known by a random token, leases have a length, a job may have to wait, and all changes
// of jobs are counted. `stage_starts` counts otherwise than `fruitless_attempts` did.
constexpr char kVersion2[] = R"sql(
ALTER TABLE jobs RENAME COLUMN lease_owner TO lease_token;
ALTER TABLE jobs RENAME COLUMN fruitless_attempts TO stage_starts;
ALTER TABLE jobs ADD COLUMN lease_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN not_before_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET revision = number, stage_starts = 0;
CREATE INDEX jobs_by_revision ON jobs (revision);
CREATE TABLE store_revision (revision INTEGER NOT NULL);
INSERT INTO store_revision SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'jobs';
CREATE TABLE deleted_jobs (
  revision INTEGER PRIMARY KEY,
  number INTEGER NOT NULL,
  id TEXT NOT NULL
)
)sql";

// What is kept has the time of its last use, of which nothing is known before this version, and a
// stage's output the uploads that it depends on: their sha256 with commas between, NULL where they
// are not known. Jobs that have ended keep no progress.
constexpr char kVersion3[] = R"sql(
ALTER TABLE contents ADD COLUMN used_ns INTEGER NOT NULL DEFAULT 0;
UPDATE contents SET used_ns = strftime('%s', 'now') * 1000000000;
ALTER TABLE stage_outputs ADD COLUMN used_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stage_outputs ADD COLUMN sources TEXT;
UPDATE stage_outputs SET used_ns = strftime('%s', 'now') * 1000000000;
ALTER TABLE measured_costs ADD COLUMN used_ns INTEGER NOT NULL DEFAULT 0;
UPDATE measured_costs SET used_ns = strftime('%s', 'now') * 1000000000;
DELETE FROM job_events WHERE kind = 3 AND job IN (SELECT number FROM jobs WHERE state IN (3, 4, 5))
)sql";

// Specs, which may have megabytes, lie apart from what is read of every job and written with every
// change of it. Jobs of before have their spec as a summary, or none where that is large: until
// SqliteJobStore::AddSummaries gives them one, their spec is read each time, as before.
constexpr char kVersion4[] = R"sql(
CREATE TABLE job_specs (
  job INTEGER PRIMARY KEY REFERENCES jobs (number) ON DELETE CASCADE,
  spec BLOB NOT NULL
);
INSERT INTO job_specs SELECT number, spec FROM jobs;
ALTER TABLE jobs RENAME COLUMN spec TO summary;
UPDATE jobs SET summary = x'' WHERE length(summary) > 4096
)sql";

constexpr const char* kSteps[] = {kVersion1, kVersion2, kVersion3, kVersion4};

absl::StatusOr<Database> OpenTables(const std::string& path, Database::Sharing sharing) {
  HT_ASSIGN_OR_RETURN(Database database, Database::Open(path, sharing));
  HT_RETURN_IF_ERROR(Annotate(database.EnsureSchema(kSteps), path));
  return database;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateDatabase>> StateDatabase::Open(const std::string& directory) {
  HT_RETURN_IF_ERROR(MakeDirectories(directory));
  const std::string path = absl::StrCat(directory, "/state.db");
  SpaceReserve reserve(absl::StrCat(directory, "/state.reserve"));
  absl::StatusOr<Database> database = OpenTables(path, Database::Sharing::kWithOthers);
  if (absl::IsResourceExhausted(database.status())) {
    reserve.Release();
    database = OpenTables(path, Database::Sharing::kWithOthers);
  }
  const bool is_alone = absl::IsResourceExhausted(database.status());
  if (is_alone) database = OpenTables(path, Database::Sharing::kAlone);
  HT_RETURN_IF_ERROR(database.status());
  reserve.Take();
  return std::unique_ptr<StateDatabase>(
      new StateDatabase(*std::move(database), std::move(reserve), is_alone));
}

void StateDatabase::GiveUpReserve() {
  // What the log holds goes into the database, so that the log begins anew and need not grow.
  connection.Execute("PRAGMA wal_checkpoint(PASSIVE)").IgnoreError();
  reserve_.Release();
}

}  // namespace halftone
