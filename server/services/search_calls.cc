#include "server/services/search_calls.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "profilers/design_space.h"
#include "search/crosscheck/crosscheck_result.h"
#include "search/pipeline.h"
#include "search/result.h"
#include "search/what_if.h"
#include "server/convert/crosscheck.h"
#include "server/convert/job.h"
#include "server/convert/resource_name.h"
#include "server/convert/solution.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/convert/what_if.h"
#include "server/services/finished_jobs.h"
#include "server/services/new_search.h"
#include "server/services/request_texts.h"

namespace halftone {
namespace {

constexpr int kDefaultPageSize = 50;
constexpr int kMaxPageSize = 1000;
// Jobs that are in memory at a time (one of an earlier version that could not be given a summary
// comes with its spec), and bytes after which a page ends.
constexpr int kJobsAtATime = 10;
constexpr size_t kPageBytes = size_t{1} << 20;
constexpr size_t kMaxRequestIdBytes = 128;
constexpr int64_t kDownloadChunkBytes = int64_t{1} << 20;
// Where a caller sets no other limit: to prove an answer with the losses of all pairs takes long.
constexpr double kSecondsWithInteractions = 2;

absl::Status FillJob(const absl::StatusOr<JobRecord>& job, v1::Job* response) {
  HT_RETURN_IF_ERROR(job.status());
  HT_ASSIGN_OR_RETURN(*response, JobToProto(*job));
  return absl::OkStatus();
}

// Sorted, each once.
absl::StatusOr<std::vector<JobState>> StatesOf(const v1::ListJobsRequest& request) {
  std::vector<JobState> states;
  for (const int state : request.states()) {
    const absl::StatusOr<JobState> parsed = JobStateFromProto(state);
    if (!parsed.ok()) return AtField("states", parsed.status());
    states.push_back(*parsed);
  }
  std::sort(states.begin(), states.end());
  states.erase(std::unique(states.begin(), states.end()), states.end());
  return states;
}

// Sets the stored form of what is asked for, checked.
absl::Status SetSpec(const ServiceContext& context, const v1::CreateJobRequest& request,
                     NewJob& job) {
  if (request.has_crosscheck()) {
    const absl::StatusOr<CrosscheckSpec> spec = CrosscheckFromProto(request.crosscheck());
    if (!spec.ok()) return AtField("crosscheck", spec.status());
    HT_RETURN_IF_ERROR(AtField(
        "crosscheck", CheckUploads(context, spec->model, spec->calibration, spec->evaluation)));
    HT_RETURN_IF_ERROR(AtField("crosscheck", CheckRunsNetworks(context, spec->target)));
    job.spec = SerializeCrosscheck(request.crosscheck());
    job.summary = SerializeCrosscheck(Summary(request.crosscheck()));
    return absl::OkStatus();
  }
  const absl::StatusOr<SearchSpec> spec = SpecFromProto(request.spec());
  if (!spec.ok()) return AtField("spec", spec.status());
  HT_RETURN_IF_ERROR(AtField("spec", CheckBudgetUnits(request.spec().budgets())));
  HT_RETURN_IF_ERROR(AtField("spec", CheckNewSearch(context, *spec)));
  job.spec = SerializeSpec(request.spec());
  job.summary = SerializeSpec(Summary(request.spec()));
  return absl::OkStatus();
}

// What optimizers outside have found on a search, as "exploration" of its document.
absl::Status AddExploration(const ServiceContext& context, const JobRecord& job,
                            Explorations::Turn* turn, std::string& document) {
  if (turn != nullptr) HT_RETURN_IF_ERROR(turn->Flush());
  HT_ASSIGN_OR_RETURN(nlohmann::json summary, Explorer::StoredSummary(*context.catalog, job.id));
  if (summary.is_null()) return absl::OkStatus();
  nlohmann::json whole = nlohmann::json::parse(document, nullptr, /*allow_exceptions=*/false);
  whole["exploration"] = std::move(summary);
  document = whole.dump();
  return absl::OkStatus();
}

// `first`, then the file's bytes in chunks.
DownloadParts PartsOfFile(v1::DownloadArtifactResponse first, const std::string& path,
                          int64_t size) {
  const auto file = std::make_shared<std::ifstream>(path, std::ios::binary);
  return [=, is_first = true,
          left = size]() mutable -> absl::StatusOr<std::optional<v1::DownloadArtifactResponse>> {
    if (std::exchange(is_first, false)) return first;
    if (left == 0) return std::nullopt;
    std::string chunk(static_cast<size_t>(std::min(left, kDownloadChunkBytes)), '\0');
    if (!file->read(chunk.data(), static_cast<std::streamsize>(chunk.size()))) {
      return absl::DataLossError(
          absl::StrCat("stored content of '", first.artifact().name(), "' cannot be read"));
    }
    left -= static_cast<int64_t>(chunk.size());
    v1::DownloadArtifactResponse response;
    response.set_chunk(std::move(chunk));
    return response;
  };
}

}  // namespace

absl::StatusOr<int> PageSize(int requested) {
  if (requested < 0 || requested > kMaxPageSize) {
    return AtField("page_size", absl::InvalidArgumentError(absl::StrCat(
                                    requested, " is not between 0 and ", kMaxPageSize)));
  }
  return requested == 0 ? kDefaultPageSize : requested;
}

absl::Status CreateJob(const ServiceContext& context, const v1::CreateJobRequest& request,
                       v1::Job* response) {
  HT_RETURN_IF_ERROR(CheckDisplayName("display_name", request.display_name()));
  HT_RETURN_IF_ERROR(CheckBytes("request_id", request.request_id(), kMaxRequestIdBytes));
  NewJob wanted = {request.request_id(), request.display_name(), "", ""};
  HT_RETURN_IF_ERROR(SetSpec(context, request, wanted));
  const absl::StatusOr<JobRecord> job = context.jobs->Create(wanted);
  if (absl::IsAlreadyExists(job.status())) {
    return AtField("request_id", WithReason(v1::REQUEST_ID_REUSED, job.status()));
  }
  return FillJob(job, response);
}

absl::Status GetJob(const ServiceContext& context, const v1::GetJobRequest& request,
                    v1::Job* response) {
  if (!v1::JobView_IsValid(request.view())) {
    return AtField("view", absl::InvalidArgumentError(
                               absl::StrCat(static_cast<int>(request.view()), " is no view")));
  }
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindJob(context, request.name()));
  if (request.view() != v1::JOB_VIEW_FULL) return FillJob(job, response);
  HT_ASSIGN_OR_RETURN(const std::string spec, StoredSpec(context, job));
  HT_ASSIGN_OR_RETURN(*response, JobToProto(job, spec));
  return absl::OkStatus();
}

absl::Status ListJobs(const ServiceContext& context, const v1::ListJobsRequest& request,
                      v1::ListJobsResponse* response) {
  HT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  HT_ASSIGN_OR_RETURN(const std::vector<JobState> states, StatesOf(request));
  response->set_next_page_token(request.page_token());
  size_t bytes = 0;
  do {
    const int most = std::min(page_size - response->jobs_size(), kJobsAtATime);
    const absl::StatusOr<JobPage> page =
        context.jobs->List(most, response->next_page_token(), states);
    if (absl::IsInvalidArgument(page.status())) {
      return AtField("page_token", WithReason(v1::PAGE_TOKEN_INVALID, page.status()));
    }
    HT_RETURN_IF_ERROR(page.status());
    for (const JobRecord& job : page->jobs) {
      HT_ASSIGN_OR_RETURN(*response->add_jobs(), JobToProto(job));
      bytes += response->jobs().rbegin()->ByteSizeLong();
    }
    response->set_next_page_token(page->next_page_token);
  } while (!response->next_page_token().empty() && response->jobs_size() < page_size &&
           bytes < kPageBytes);
  return absl::OkStatus();
}

absl::Status CancelJob(const ServiceContext& context, const v1::CancelJobRequest& request,
                       v1::Job* response) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindJob(context, request.name()));
  return FillJob(context.jobs->RequestCancel(job.id), response);
}

absl::Status GetResult(const ServiceContext& context, const v1::GetResultRequest& request,
                       Explorations::Turn* turn, v1::SearchResult* response) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindJob(context, request.name()));
  HT_ASSIGN_OR_RETURN(std::string document, LoadDocument(context, job));
  if (IsCrosscheck(job.summary)) {
    HT_ASSIGN_OR_RETURN(const CrosscheckResult result,
                        ParseDocument(job, document, CrosscheckResultFromJson));
    *response = CrosscheckToProto(job, result);
  } else {
    HT_ASSIGN_OR_RETURN(const SearchResult result,
                        ParseDocument(job, document, SearchResultFromJson));
    *response = SearchResultToProto(job, result);
    HT_RETURN_IF_ERROR(AddExploration(context, job, turn, document));
  }
  response->set_result_json(std::move(document));
  return absl::OkStatus();
}

absl::Status GetFrontier(const ServiceContext& context, const v1::GetFrontierRequest& request,
                         v1::GetFrontierResponse* response) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindSearch(context, request.name(), "frontier"));
  HT_ASSIGN_OR_RETURN(const std::string document, LoadDocument(context, job));
  HT_ASSIGN_OR_RETURN(const SearchResult result,
                      ParseDocument(job, document, SearchResultFromJson));
  response->set_metric(result.problem.frontier);
  for (const FrontierPoint& point : result.solution.frontier) {
    *response->add_points() = FrontierPointToProto(point);
  }
  return absl::OkStatus();
}

// What a job's answer was made from; nothing while it has none, or where an older version wrote it.
struct Origins {
  std::optional<TableNames> tables;
  std::optional<Refinement> refined;
};
absl::StatusOr<Origins> OriginsOf(const ServiceContext& context, const JobRecord& job) {
  if (job.state != JobState::kSucceeded) return Origins();
  HT_ASSIGN_OR_RETURN(const std::string document, LoadDocument(context, job));
  HT_ASSIGN_OR_RETURN(SearchResult result, ParseDocument(job, document, SearchResultFromJson));
  return Origins{std::move(result.tables), std::move(result.refined)};
}

absl::Status ReSolveJob(const ServiceContext& context, const v1::ReSolveRequest& request,
                        v1::ReSolveResponse* response, const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindSearch(context, request.name(), "tables to solve"));
  HT_ASSIGN_OR_RETURN(const std::string stored, StoredSpec(context, job));
  HT_ASSIGN_OR_RETURN(v1::SearchSpec message, ParseSpec(stored));
  if (DesignSpace::Describes(message.target())) {
    // What was chosen is what is asked about now.
    HT_ASSIGN_OR_RETURN(const FinishedSearch search, LoadFinishedSearch(context, request.name()));
    message.set_target(search.result.target);
  }
  *message.mutable_budgets() = request.budgets();
  *message.mutable_pins() = request.pins();
  *message.mutable_rules() = request.rules();
  message.set_skip_explanation(!request.explain());
  if (!request.frontier_metric().empty()) message.set_frontier_metric(request.frontier_metric());
  if (request.time_limit_seconds() != 0) {
    message.set_time_limit_seconds(request.time_limit_seconds());
  } else if (request.interactions() > 0) {
    message.set_time_limit_seconds(kSecondsWithInteractions);
  }
  HT_ASSIGN_OR_RETURN(const SearchSpec spec, SpecFromProto(message));
  HT_ASSIGN_OR_RETURN(WhatIf what_if, WhatIfFromProto(request));
  HT_ASSIGN_OR_RETURN(Origins origins, OriginsOf(context, job));
  what_if.refined = std::move(origins.refined);
  const absl::StatusOr<WhatIfAnswer> solved =
      ReSolve(spec, origins.tables, *context.catalog, cancellation, what_if);
  // A job that has not ended may lack tables; one that has not succeeded may have them all.
  if (absl::IsFailedPrecondition(solved.status()) && job.state != JobState::kSucceeded) {
    return LoadDocument(context, job).status();
  }
  HT_RETURN_IF_ERROR(solved.status());
  const Solution& solution = solved->solution;
  *response->mutable_solution() = SolutionToProto(solution);
  response->set_result_json(WhatIfAnswerToJson(*solved).dump());
  if (!solution.frontier.empty()) {
    response->set_frontier_metric(std::string(MetricCostKey(spec.frontier)));
  }
  return absl::OkStatus();
}

absl::StatusOr<DownloadParts> DownloadArtifact(const ServiceContext& context,
                                               const v1::DownloadArtifactRequest& request) {
  const absl::StatusOr<ArtifactId> id = ParseArtifactName(request.name());
  if (!id.ok()) return AtField("name", id.status());
  const absl::StatusOr<JobRecord> job = FindJob(context, JobName(id->job_id));
  HT_RETURN_IF_ERROR(job.status());
  const auto found = job->artifacts.find(id->file);
  if (found == job->artifacts.end()) {
    const absl::Status missing =
        absl::NotFoundError(absl::StrCat("there is no artifact ", Quoted(request.name())));
    return AboutResource(request.name(), WithReason(v1::ARTIFACT_NOT_FOUND, missing));
  }
  // Verified whole, then read once more by parts: a client that reads slowly keeps no memory.
  HT_RETURN_IF_ERROR(context.LoadStored(request.name(), found->second.sha256).status());
  v1::DownloadArtifactResponse first;
  *first.mutable_artifact() = ArtifactToProto(id->job_id, id->file, found->second);
  return PartsOfFile(std::move(first), context.blobs->PathOf(found->second.sha256),
                     found->second.size_bytes);
}

}  // namespace halftone
