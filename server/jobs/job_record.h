#ifndef HALFTONE_SERVER_JOBS_JOB_RECORD_H_
#define HALFTONE_SERVER_JOBS_JOB_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "search/pipeline.h"
#include "search/solver/solution.h"

namespace halftone {

// The numbers are stored in databases: never change them.
enum class JobState { kQueued = 1, kRunning = 2, kSucceeded = 3, kFailed = 4, kCancelled = 5 };

inline bool IsTerminal(JobState state) {
  return state != JobState::kQueued && state != JobState::kRunning;
}
absl::string_view JobStateName(JobState state);  // "QUEUED"

struct StoredArtifact {
  std::string sha256;
  int64_t size_bytes = 0;
};

// How far a job is.
struct JobProgress {
  std::optional<Stage> stage;  // none before the first
  double stage_fraction = 0;
  double fraction = 0;      // of the whole job
  double eta_seconds = -1;  // negative while it is not known
};

// What the store knows of a job. A plain value.
struct JobRecord {
  int64_t number = 0;  // rises with each job; never used twice
  std::string id;
  std::string display_name;
  // Opaque to the store: what jobs are told apart by, of a few kilobytes. Of a job that was created
  // without one, its spec.
  std::string summary;
  JobState state = JobState::kQueued;
  bool cancel_requested = false;
  JobProgress progress;
  absl::Status error;                               // of a failed job
  std::optional<Solution::Status> solution_status;  // of a succeeded search
  std::string result_sha256;                        // of a succeeded job
  std::map<std::string, StoredArtifact> artifacts;  // by file name
  absl::Time create_time;
  std::optional<absl::Time> start_time, end_time;
  absl::Time update_time;
  int attempts = 0;
  int64_t last_event = 0;
};

// The numbers are stored in databases: never change them.
enum class JobEventKind {
  kStateChanged = 1,
  kStageStarted = 2,
  kStageProgress = 3,
  kStageFinished = 4,
  kArtifactReady = 5,
  kNote = 6,
};

struct JobEvent {
  int64_t sequence = 0;  // rises in each job, with gaps only where progress was pruned
  absl::Time time;
  JobEventKind kind = JobEventKind::kStateChanged;
  JobState state = JobState::kQueued;
  JobProgress progress;
  bool reused = false;
  std::string detail;
};

// What a finished pipeline leaves.
struct JobOutcome {
  std::optional<Solution::Status> solution_status;  // of a search
  std::string result_sha256;
  std::map<std::string, StoredArtifact> artifacts;
};

struct NewJob {
  std::string request_id;  // "" for none
  std::string display_name;
  std::string spec;     // opaque to the store; may have megabytes
  std::string summary;  // see JobRecord; "" for none
};

struct JobPage {
  std::vector<JobRecord> jobs;
  std::string next_page_token;  // empty on the last page
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_JOB_RECORD_H_
