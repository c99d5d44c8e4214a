// The part of Collector that takes one upload away.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/jobs/collector.h"

namespace halftone {

absl::StatusOr<Removal> Collector::Forget(ContentKind kind, const std::string& sha256) {
  absl::MutexLock lock(&mutex_);
  const absl::Time begin = time_.Now();
  HT_RETURN_IF_ERROR(stores_.catalog->Find(kind, sha256).status());
  HT_ASSIGN_OR_RETURN(std::vector<JobUse> jobs, Jobs());
  const std::string name = absl::StrCat(CollectionOf(kind), "/", sha256);
  for (const JobUse& job : jobs) {
    if (IsTerminal(job.state) || job.uploads.count(sha256) == 0) continue;
    return absl::FailedPreconditionError(absl::StrCat("'", name, "' is needed by 'jobs/", job.id,
                                                      "', which is ", JobStateName(job.state),
                                                      ": cancel it first"));
  }
  Removal removal;
  Names blobs = {sha256};
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(kind, sha256));
  blobs.insert(files.begin(), files.end());
  HT_RETURN_IF_ERROR(stores_.catalog->RemoveUnused(kind, sha256, absl::InfiniteFuture()).status());
  removal.names.push_back(name);
  HT_RETURN_IF_ERROR(ForgetJobs(sha256, jobs, blobs, removal));
  HT_RETURN_IF_ERROR(ForgetStages(sha256, jobs, blobs, removal));
  // What is stored from here on is somebody else's.
  HT_RETURN_IF_ERROR(RemoveBlobs({blobs.begin(), blobs.end()}, jobs, begin, removal));
  return removal;
}

absl::Status Collector::ForgetJobs(const std::string& sha256, std::vector<JobUse>& jobs,
                                   Names& blobs, Removal& removal) {
  std::vector<JobUse> kept;
  for (JobUse& job : jobs) {
    if (job.uploads.count(sha256) == 0) {
      kept.push_back(std::move(job));
      continue;
    }
    HT_RETURN_IF_ERROR(RemoveJob(job.id, removal));
    blobs.insert(job.needs.begin(), job.needs.end());
  }
  jobs = std::move(kept);
  return absl::OkStatus();
}

absl::Status Collector::ForgetStages(const std::string& sha256, const std::vector<JobUse>& jobs,
                                     Names& blobs, Removal& removal) {
  HT_ASSIGN_OR_RETURN(const std::vector<StageRecord> stages, stores_.catalog->Stages());
  for (const StageRecord& record : stages) {
    const bool derived =
        !record.sources.has_value() ||
        std::find(record.sources->begin(), record.sources->end(), sha256) != record.sources->end();
    // A job that does not name an upload needs nothing that depends on it, whatever is known of
    // that.
    const bool needed = std::any_of(jobs.begin(), jobs.end(),
                                    [&](const JobUse& job) { return IsAmong(job.needs, record); });
    if (!derived || needed) continue;
    if (record.stage == Stage::kExport) {
      HT_ASSIGN_OR_RETURN(const std::vector<std::string> artifacts, NamedBy(record.sha256));
      blobs.insert(artifacts.begin(), artifacts.end());
    }
    HT_ASSIGN_OR_RETURN(const bool removed, stores_.catalog->RemoveUnusedStage(
                                                record.stage, record.key, absl::InfiniteFuture()));
    removal.stage_outputs += removed;
    blobs.insert(record.sha256);
  }
  return absl::OkStatus();
}

}  // namespace halftone
