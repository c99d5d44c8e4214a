#ifndef HALFTONE_SERVER_JOBS_COLLECTOR_H_
#define HALFTONE_SERVER_JOBS_COLLECTOR_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/catalog.h"
#include "server/jobs/cost_store.h"
#include "server/jobs/job_store.h"
#include "server/jobs/retention.h"
#include "server/jobs/trusted_time.h"

namespace halftone {

// What a job needs beside what its result names.
struct JobReferences {
  std::vector<std::string> uploads;     // sha256 of those that its spec names
  std::vector<std::string> stage_keys;  // of stored outputs, without what follows a '/'
};
// Reads them from a job's spec, which is opaque to the stores.
using ReadReferences = std::function<JobReferences(const JobRecord& job, const std::string& spec)>;

// What was removed.
struct Removal {
  std::vector<std::string> names;  // `jobs/{id}`, `models/{sha256}` and the like
  int64_t stage_outputs = 0;
  int64_t measured_costs = 0;
  int64_t blobs = 0;  // files
  int64_t bytes = 0;  // that are free now
  // Jobs, uploads and stage outputs that are beyond what is kept, and stay for their last use.
  int64_t recently_used = 0;
};

// Removes from a state directory what is not to be kept any longer. Never what a job that has not
// ended needs, nor what a kept job's result names (its artifacts, and the tables that it is solved
// again from), nor what was stored or used within the last hour, such as an upload that no job
// names yet. May run while other processes use the directory. Thread-safe: one at a time works.
class Collector {
 public:
  static constexpr absl::Duration kGrace = absl::Hours(1);

  // Borrowed.
  struct Stores {
    JobStore* jobs = nullptr;
    Catalog* catalog = nullptr;
    CostStore* costs = nullptr;
    const BlobStore* blobs = nullptr;
    const Clock* clock = nullptr;
  };
  Collector(Stores stores, ReadReferences references, Retention retention);

  // What is kept unless it is said otherwise.
  const Retention& retention() const { return retention_; }

  absl::StatusOr<Removal> Collect(const Retention& retention);
  // Takes an upload away at once, with all jobs that name it and all that was computed from it,
  // whatever is kept otherwise. NOT_FOUND; FAILED_PRECONDITION names a job that has not ended and
  // needs it.
  absl::StatusOr<Removal> Forget(ContentKind kind, const std::string& sha256);

 private:
  using Names = std::set<std::string>;
  struct JobUse {
    std::string id;
    JobState state = JobState::kQueued;
    std::optional<absl::Time> start_time;
    absl::Time end_time;
    Names uploads;
    Names needs;  // blobs, and keys of stage outputs
    int64_t bytes = 0;
  };

  // Whether the output is among what is needed, by its blob or by what stands before the '/' of its
  // key.
  static bool IsAmong(const Names& needs, const StageRecord& record);

  absl::StatusOr<std::vector<JobUse>> Jobs() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<JobUse> UseOf(const JobRecord& job, const std::string& spec)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // All sha256 that the text of a blob names; none where it is gone.
  absl::StatusOr<std::vector<std::string>> NamedBy(const std::string& sha256)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those that a model of several files is a list of; what else is not long counts as one.
  absl::StatusOr<std::vector<std::string>> FilesOf(ContentKind kind, const std::string& sha256)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int64_t> SizeOf(const std::string& sha256) const;
  absl::StatusOr<std::vector<ContentRecord>> Uploads(ContentKind kind) const;
  // What was used since then may be needed by a job that has not ended.
  absl::Time InUseSince(const std::vector<JobUse>& jobs) const;

  absl::Status RemoveJob(const std::string& id, Removal& removal);
  // Takes what it removes out of `jobs`.
  absl::Status RemoveJobs(const Keep& keep, std::vector<JobUse>& jobs, Removal& removal);
  absl::Status RemoveUploads(const Keep& keep, const std::vector<JobUse>& jobs, absl::Time since,
                             Removal& removal);
  absl::Status RemoveStages(const Keep& keep, const std::vector<JobUse>& jobs, absl::Time since,
                            Removal& removal);
  // Removes the jobs that name the upload, and notes in `blobs` what only they may need.
  absl::Status ForgetJobs(const std::string& sha256, std::vector<JobUse>& jobs, Names& blobs,
                          Removal& removal);
  absl::Status ForgetStages(const std::string& sha256, const std::vector<JobUse>& jobs,
                            Names& blobs, Removal& removal) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those of the blobs that nothing names.
  absl::Status RemoveBlobs(const std::vector<std::string>& blobs, const std::vector<JobUse>& jobs,
                           absl::Time since, Removal& removal)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Names> Referenced(const std::vector<JobUse>& jobs)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Stores stores_;
  const ReadReferences references_;
  const Retention retention_;
  mutable TrustedTime time_;

  absl::Mutex mutex_;
  // What blobs name, which never changes, by their sha256.
  std::map<std::string, std::vector<std::string>> named_ ABSL_GUARDED_BY(mutex_);
};

// All runs of 64 lower-case hexadecimal digits, where longer ones count with their beginning.
std::vector<std::string> Sha256sIn(absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_COLLECTOR_H_
