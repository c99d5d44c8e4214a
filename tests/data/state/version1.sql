-- The tables of schema version 1, as its program made them, with a few rows.
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
) WITHOUT ROWID;
INSERT INTO jobs (id, request_id, display_name, spec, state, stage, fraction, solution_status, result_sha256, create_ns, start_ns, update_ns, end_ns, attempts, last_event)
VALUES ('ended', 'request', 'ended name', x'00ff', 3, 8, 1, 1, 'aa', 1, 2, 3, 4, 1, 2);
INSERT INTO job_artifacts VALUES (1, 'report.html', 'bb', 6);
INSERT INTO job_events VALUES (1, 1, 1, 1, 1, 0, 0, 0, -1, 0, 'queued');
INSERT INTO job_events VALUES (1, 2, 4, 1, 3, 8, 1, 1, 0, 0, 'SUCCEEDED');
INSERT INTO job_events VALUES (1, 3, 3, 3, 2, 8, 0.5, 0.5, -1, 0, 'half');
INSERT INTO jobs (id, display_name, spec, state, create_ns, start_ns, update_ns, attempts, fruitless_attempts, lease_owner, lease_expires_ns)
VALUES ('running', '', 'spec', 2, 5, 6, 7, 1, 1, 'process 7', 9000000000000000000);
INSERT INTO contents (kind, sha256, display_name, size_bytes, create_ns) VALUES (1, 'cc', 'model.onnx', 3, 1);
INSERT INTO job_events VALUES (2, 1, 6, 3, 2, 1, 0.5, 0.5, -1, 0, 'half');
UPDATE jobs SET last_event = (SELECT max(sequence) FROM job_events WHERE job = number);
PRAGMA user_version = 1;
