#include "server/jobs/collector.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr int kJobsAtATime = 10;
constexpr int kUploadsAtATime = 1000;
// Of a list of a model's files; more than any has.
constexpr int64_t kMaxListBytes = int64_t{2} << 20;
constexpr ContentKind kKinds[] = {ContentKind::kModel, ContentKind::kDataset,
                                  ContentKind::kTargetFile};

bool IsHexDigit(char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); }

// Something that is kept, or not.
struct Item {
  size_t index = 0;
  absl::Time use_time;
  int64_t bytes = 0;
  bool needed = false;
};

// The indices of those that go, out of use for longest first. What was used since `since` stays,
// and is counted where it would have gone.
std::vector<size_t> Excess(std::vector<Item> items, const Keep& keep, absl::Time now,
                           absl::Time since, Removal& removal) {
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.use_time < b.use_time; });
  int64_t bytes = 0;
  for (const Item& item : items) bytes += item.bytes;
  std::vector<size_t> excess;
  for (const Item& item : items) {
    const bool too_much = now - item.use_time >= keep.age || bytes > keep.bytes;
    if (item.needed || !too_much) continue;
    if (item.use_time >= since) {
      ++removal.recently_used;
      continue;
    }
    bytes -= item.bytes;
    excess.push_back(item.index);
  }
  return excess;
}

}  // namespace

bool Collector::IsAmong(const Names& needs, const StageRecord& record) {
  return needs.count(record.sha256) > 0 ||
         needs.count(record.key.substr(0, record.key.find('/'))) > 0;
}

std::vector<std::string> Sha256sIn(absl::string_view text) {
  std::vector<std::string> found;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && IsHexDigit(text[end])) ++end;
    if (end - begin >= 64) found.emplace_back(text.substr(begin, 64));
    begin = end + 1;
  }
  return found;
}

Collector::Collector(Stores stores, ReadReferences references, Retention retention)
    : stores_(stores),
      references_(std::move(references)),
      retention_(retention),
      time_(stores.clock) {}

absl::StatusOr<int64_t> Collector::SizeOf(const std::string& sha256) const {
  const absl::StatusOr<int64_t> size = stores_.blobs->Size(sha256);
  const bool lost = absl::IsNotFound(size.status()) || absl::IsDataLoss(size.status());
  return lost ? absl::StatusOr<int64_t>(0) : size;
}

absl::StatusOr<std::vector<std::string>> Collector::NamedBy(const std::string& sha256) {
  const auto known = named_.find(sha256);
  if (known != named_.end()) return known->second;
  const absl::StatusOr<std::string> text = stores_.blobs->Load(sha256);
  if (absl::IsNotFound(text.status()) || absl::IsDataLoss(text.status())) {
    return std::vector<std::string>();
  }
  HT_RETURN_IF_ERROR(text.status());
  return named_[sha256] = Sha256sIn(*text);
}

absl::StatusOr<std::vector<std::string>> Collector::FilesOf(ContentKind kind,
                                                            const std::string& sha256) {
  if (kind != ContentKind::kModel) return std::vector<std::string>();
  HT_ASSIGN_OR_RETURN(const int64_t size, SizeOf(sha256));
  if (size > kMaxListBytes) return std::vector<std::string>();
  return NamedBy(sha256);
}

absl::StatusOr<Collector::JobUse> Collector::UseOf(const JobRecord& job, const std::string& spec) {
  JobUse use;
  use.id = job.id;
  use.state = job.state;
  use.start_time = job.start_time;
  use.end_time = job.end_time.value_or(absl::InfiniteFuture());
  const JobReferences references = references_(job, spec);
  use.uploads.insert(references.uploads.begin(), references.uploads.end());
  use.needs.insert(references.stage_keys.begin(), references.stage_keys.end());
  for (const auto& [name, artifact] : job.artifacts) {
    use.needs.insert(artifact.sha256);
    use.bytes += artifact.size_bytes;
  }
  if (!IsSha256(job.result_sha256)) return use;
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> named, NamedBy(job.result_sha256));
  HT_ASSIGN_OR_RETURN(const int64_t size, SizeOf(job.result_sha256));
  use.needs.insert(job.result_sha256);
  use.needs.insert(named.begin(), named.end());
  use.bytes += size;
  return use;
}

absl::StatusOr<std::vector<Collector::JobUse>> Collector::Jobs() {
  std::vector<JobUse> uses;
  std::string token;
  do {
    HT_ASSIGN_OR_RETURN(const JobPage page, stores_.jobs->List(kJobsAtATime, token, {}));
    for (const JobRecord& job : page.jobs) {
      const absl::StatusOr<std::string> spec = stores_.jobs->Spec(job.id);
      if (absl::IsNotFound(spec.status())) continue;  // deleted since it was listed
      HT_RETURN_IF_ERROR(spec.status());
      HT_ASSIGN_OR_RETURN(uses.emplace_back(), UseOf(job, *spec));
    }
    token = page.next_page_token;
  } while (!token.empty());
  return uses;
}

absl::StatusOr<std::vector<ContentRecord>> Collector::Uploads(ContentKind kind) const {
  std::vector<ContentRecord> uploads;
  std::string token;
  do {
    HT_ASSIGN_OR_RETURN(const ContentPage page,
                        stores_.catalog->List(kind, kUploadsAtATime, token));
    uploads.insert(uploads.end(), page.contents.begin(), page.contents.end());
    token = page.next_page_token;
  } while (!token.empty());
  return uploads;
}

absl::Time Collector::InUseSince(const std::vector<JobUse>& jobs) const {
  absl::Time since = time_.Now() - kGrace;
  for (const JobUse& job : jobs) {
    if (!IsTerminal(job.state)) since = std::min(since, job.start_time.value_or(since));
  }
  return since;
}

absl::StatusOr<Removal> Collector::Collect(const Retention& retention) {
  absl::MutexLock lock(&mutex_);
  Removal removal;
  HT_ASSIGN_OR_RETURN(std::vector<JobUse> jobs, Jobs());
  const absl::Time now = time_.Now(), since = InUseSince(jobs);
  HT_RETURN_IF_ERROR(RemoveJobs(retention.jobs, jobs, removal));
  HT_RETURN_IF_ERROR(RemoveUploads(retention.uploads, jobs, since, removal));
  HT_RETURN_IF_ERROR(RemoveStages(retention.stages, jobs, since, removal));
  HT_ASSIGN_OR_RETURN(
      const CostStore::Pruned pruned,
      stores_.costs->Prune(since, now - retention.costs.age, retention.costs.bytes));
  removal.measured_costs = pruned.costs;
  removal.bytes += pruned.bytes;
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> blobs, stores_.blobs->List());
  HT_RETURN_IF_ERROR(RemoveBlobs(blobs, jobs, since, removal));
  return removal;
}

absl::Status Collector::RemoveJob(const std::string& id, Removal& removal) {
  const absl::Status deleted = stores_.jobs->Delete(id);
  if (absl::IsNotFound(deleted)) return absl::OkStatus();  // by somebody else
  HT_RETURN_IF_ERROR(deleted);
  removal.names.push_back(absl::StrCat("jobs/", id));
  return absl::OkStatus();
}

absl::Status Collector::RemoveJobs(const Keep& keep, std::vector<JobUse>& jobs, Removal& removal) {
  std::vector<Item> items;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (IsTerminal(jobs[i].state)) items.push_back({i, jobs[i].end_time, jobs[i].bytes, false});
  }
  const absl::Time now = time_.Now();
  std::set<size_t> excess;
  for (const size_t i : Excess(std::move(items), keep, now, now - kGrace, removal)) {
    HT_RETURN_IF_ERROR(RemoveJob(jobs[i].id, removal));
    excess.insert(i);
  }
  std::vector<JobUse> kept;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (excess.count(i) == 0) kept.push_back(std::move(jobs[i]));
  }
  jobs = std::move(kept);
  return absl::OkStatus();
}

absl::Status Collector::RemoveUploads(const Keep& keep, const std::vector<JobUse>& jobs,
                                      absl::Time since, Removal& removal) {
  Names needed;
  for (const JobUse& job : jobs) needed.insert(job.uploads.begin(), job.uploads.end());
  std::vector<std::pair<ContentKind, ContentRecord>> uploads;
  std::vector<Item> items;
  for (const ContentKind kind : kKinds) {
    HT_ASSIGN_OR_RETURN(const std::vector<ContentRecord> of_kind, Uploads(kind));
    for (const ContentRecord& upload : of_kind) {
      items.push_back(
          {uploads.size(), upload.use_time, upload.size_bytes, needed.count(upload.sha256) > 0});
      uploads.emplace_back(kind, upload);
    }
  }
  for (const size_t i : Excess(std::move(items), keep, time_.Now(), since, removal)) {
    const auto& [kind, upload] = uploads[i];
    HT_ASSIGN_OR_RETURN(const bool removed,
                        stores_.catalog->RemoveUnused(kind, upload.sha256, since));
    if (removed) removal.names.push_back(absl::StrCat(CollectionOf(kind), "/", upload.sha256));
  }
  return absl::OkStatus();
}

absl::Status Collector::RemoveStages(const Keep& keep, const std::vector<JobUse>& jobs,
                                     absl::Time since, Removal& removal) {
  Names needed;
  for (const JobUse& job : jobs) needed.insert(job.needs.begin(), job.needs.end());
  HT_ASSIGN_OR_RETURN(const std::vector<StageRecord> stages, stores_.catalog->Stages());
  std::vector<Item> items;
  for (size_t i = 0; i < stages.size(); ++i) {
    HT_ASSIGN_OR_RETURN(const int64_t size, SizeOf(stages[i].sha256));
    items.push_back({i, stages[i].use_time, size, IsAmong(needed, stages[i])});
  }
  for (const size_t i : Excess(std::move(items), keep, time_.Now(), since, removal)) {
    HT_ASSIGN_OR_RETURN(const bool removed,
                        stores_.catalog->RemoveUnusedStage(stages[i].stage, stages[i].key, since));
    removal.stage_outputs += removed;
  }
  return absl::OkStatus();
}

absl::StatusOr<Collector::Names> Collector::Referenced(const std::vector<JobUse>& jobs) {
  Names referenced;
  for (const JobUse& job : jobs) referenced.insert(job.needs.begin(), job.needs.end());
  for (const ContentKind kind : kKinds) {
    HT_ASSIGN_OR_RETURN(const std::vector<ContentRecord> uploads, Uploads(kind));
    for (const ContentRecord& upload : uploads) {
      referenced.insert(upload.sha256);
      HT_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(kind, upload.sha256));
      referenced.insert(files.begin(), files.end());
    }
  }
  HT_ASSIGN_OR_RETURN(const std::vector<StageRecord> stages, stores_.catalog->Stages());
  for (const StageRecord& record : stages) {
    referenced.insert(record.sha256);
    // The output of an export is a list of its artifacts.
    if (record.stage != Stage::kExport) continue;
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> artifacts, NamedBy(record.sha256));
    referenced.insert(artifacts.begin(), artifacts.end());
  }
  return referenced;
}

absl::Status Collector::RemoveBlobs(const std::vector<std::string>& blobs,
                                    const std::vector<JobUse>& jobs, absl::Time since,
                                    Removal& removal) {
  HT_ASSIGN_OR_RETURN(const Names referenced, Referenced(jobs));
  for (const std::string& sha256 : blobs) {
    if (referenced.count(sha256) > 0) continue;
    HT_ASSIGN_OR_RETURN(const int64_t freed, stores_.blobs->RemoveUnused(sha256, since));
    if (freed == 0) continue;
    named_.erase(sha256);
    ++removal.blobs;
    removal.bytes += freed;
  }
  return absl::OkStatus();
}

}  // namespace halftone
