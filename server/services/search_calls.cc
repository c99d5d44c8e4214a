#include "server/services/search_calls.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/crosscheck/crosscheck_result.h"
#include "search/pipeline.h"
#include "search/result.h"
#include "server/convert/crosscheck.h"
#include "server/convert/job.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

constexpr int kDefaultPageSize = 50;
constexpr int kMaxPageSize = 1000;
constexpr size_t kMaxDisplayNameBytes = 256;
constexpr size_t kMaxRequestIdBytes = 128;
constexpr size_t kDownloadChunkBytes = size_t{1} << 20;

absl::Status CheckBytes(absl::string_view field, const std::string& text, size_t most) {
  if (text.size() <= most) return absl::OkStatus();
  return AtField(field, absl::InvalidArgumentError(
                            absl::StrCat("has ", text.size(), " bytes, the limit is ", most)));
}

absl::StatusOr<JobRecord> FindJob(const ServiceContext& context, const std::string& name) {
  const absl::StatusOr<std::string> id = ParseJobName(name);
  if (!id.ok()) return AtField("name", id.status());
  absl::StatusOr<JobRecord> job = context.jobs->Get(*id);
  if (!job.ok()) return AboutResource(name, job.status());
  return job;
}

absl::Status FillJob(const absl::StatusOr<JobRecord>& job, v1::Job* response) {
  HT_RETURN_IF_ERROR(job.status());
  HT_ASSIGN_OR_RETURN(*response, JobToProto(*job));
  return absl::OkStatus();
}

// The uploads that a spec refers to exist.
template <typename Spec>
absl::Status CheckUploads(const ServiceContext& context, const Spec& spec) {
  HT_RETURN_IF_ERROR(context.CheckUploaded("model", ContentKind::kModel, spec.model));
  HT_RETURN_IF_ERROR(
      context.CheckUploaded("calibration_dataset", ContentKind::kDataset, spec.calibration));
  if (spec.evaluation.empty()) return absl::OkStatus();
  return context.CheckUploaded("evaluation_dataset", ContentKind::kDataset, spec.evaluation);
}

// The target that a spec names exists and runs the precisions.
absl::Status CheckTarget(const ServiceContext& context, const SearchSpec& spec) {
  HT_ASSIGN_OR_RETURN(const std::unique_ptr<CostProfiler> profiler,
                      context.CreateProfiler("target", spec.target));
  for (size_t i = 0; i < spec.precisions.size(); ++i) {
    if (!profiler->Supports(spec.precisions[i])) {
      return AtField(
          absl::StrCat("precisions[", i, "]"),
          absl::InvalidArgumentError(absl::StrCat("target '", spec.target, "' cannot run '",
                                                  spec.precisions[i].ToString(), "'")));
    }
  }
  return absl::OkStatus();
}

// The JSON document that a finished job left.
absl::StatusOr<std::string> LoadDocument(const ServiceContext& context, const JobRecord& job) {
  const std::string name = JobName(job.id);
  if (job.state == JobState::kFailed) {
    return AboutResource(name, absl::FailedPreconditionError(
                                   absl::StrCat("job '", name, "' failed: ", job.error.message())));
  }
  if (job.state != JobState::kSucceeded) {
    return AboutResource(
        name, absl::FailedPreconditionError(
                  absl::StrCat("job '", name, "' has no result: it is ", JobStateName(job.state))));
  }
  return context.blobs->Load(job.result_sha256);
}

// A stored document as the value that `from_json` reads.
template <typename Result>
absl::StatusOr<Result> ParseDocument(const JobRecord& job, const std::string& text,
                                     absl::StatusOr<Result> (*from_json)(const nlohmann::json&)) {
  absl::StatusOr<Result> result =
      from_json(nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false));
  if (result.ok()) return result;
  return absl::DataLossError(
      absl::StrCat("the stored result of '", JobName(job.id), "': ", result.status().message()));
}

// A job that is a search; a crosscheck has no `what`.
absl::StatusOr<JobRecord> FindSearch(const ServiceContext& context, const std::string& name,
                                     absl::string_view what) {
  HT_ASSIGN_OR_RETURN(JobRecord job, FindJob(context, name));
  if (!IsCrosscheck(job.spec)) return job;
  return AboutResource(name, absl::FailedPreconditionError(absl::StrCat(
                                 "job '", name, "' is a crosscheck: it has no ", what)));
}

// The stored form of what is asked for, checked.
absl::StatusOr<std::string> SpecToStore(const ServiceContext& context,
                                        const v1::CreateJobRequest& request) {
  if (request.has_crosscheck()) {
    const absl::StatusOr<CrosscheckSpec> spec = CrosscheckFromProto(request.crosscheck());
    if (!spec.ok()) return AtField("crosscheck", spec.status());
    HT_RETURN_IF_ERROR(AtField("crosscheck", CheckUploads(context, *spec)));
    return SerializeCrosscheck(request.crosscheck());
  }
  const absl::StatusOr<SearchSpec> spec = SpecFromProto(request.spec());
  if (!spec.ok()) return AtField("spec", spec.status());
  HT_RETURN_IF_ERROR(AtField("spec", CheckUploads(context, *spec)));
  HT_RETURN_IF_ERROR(AtField("spec", CheckTarget(context, *spec)));
  return SerializeSpec(request.spec());
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
  HT_RETURN_IF_ERROR(CheckBytes("display_name", request.display_name(), kMaxDisplayNameBytes));
  HT_RETURN_IF_ERROR(CheckBytes("request_id", request.request_id(), kMaxRequestIdBytes));
  HT_ASSIGN_OR_RETURN(std::string spec, SpecToStore(context, request));
  absl::StatusOr<JobRecord> job =
      context.jobs->Create({request.request_id(), request.display_name(), std::move(spec)});
  if (absl::IsAlreadyExists(job.status())) return AtField("request_id", job.status());
  return FillJob(job, response);
}

absl::Status GetJob(const ServiceContext& context, const v1::GetJobRequest& request,
                    v1::Job* response) {
  return FillJob(FindJob(context, request.name()), response);
}

absl::Status ListJobs(const ServiceContext& context, const v1::ListJobsRequest& request,
                      v1::ListJobsResponse* response) {
  HT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  std::vector<JobState> states;
  for (const int state : request.states()) {
    const absl::StatusOr<JobState> parsed = JobStateFromProto(state);
    if (!parsed.ok()) return AtField("states", parsed.status());
    states.push_back(*parsed);
  }
  std::sort(states.begin(), states.end());
  states.erase(std::unique(states.begin(), states.end()), states.end());
  const absl::StatusOr<JobPage> page = context.jobs->List(page_size, request.page_token(), states);
  if (absl::IsInvalidArgument(page.status())) return AtField("page_token", page.status());
  HT_RETURN_IF_ERROR(page.status());
  for (const JobRecord& job : page->jobs) {
    HT_ASSIGN_OR_RETURN(*response->add_jobs(), JobToProto(job));
  }
  response->set_next_page_token(page->next_page_token);
  return absl::OkStatus();
}

absl::Status CancelJob(const ServiceContext& context, const v1::CancelJobRequest& request,
                       v1::Job* response) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindJob(context, request.name()));
  return FillJob(context.jobs->RequestCancel(job.id), response);
}

absl::Status DeleteJob(const ServiceContext& context, const v1::DeleteJobRequest& request,
                       const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindJob(context, request.name()));
  if (request.force()) {
    HT_RETURN_IF_ERROR(context.jobs->RequestCancel(job.id).status());
    while (true) {
      HT_ASSIGN_OR_RETURN(const JobRecord now, context.jobs->Get(job.id));
      if (IsTerminal(now.state)) break;
      HT_RETURN_IF_ERROR(cancellation.Check());
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  return AboutResource(request.name(), context.jobs->Delete(job.id));
}

absl::Status GetResult(const ServiceContext& context, const v1::GetResultRequest& request,
                       v1::SearchResult* response) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindJob(context, request.name()));
  HT_ASSIGN_OR_RETURN(std::string document, LoadDocument(context, job));
  if (IsCrosscheck(job.spec)) {
    HT_ASSIGN_OR_RETURN(const CrosscheckResult result,
                        ParseDocument(job, document, CrosscheckResultFromJson));
    *response = CrosscheckToProto(job, result);
  } else {
    HT_ASSIGN_OR_RETURN(const SearchResult result,
                        ParseDocument(job, document, SearchResultFromJson));
    *response = SearchResultToProto(job, result);
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

absl::Status ReSolveJob(const ServiceContext& context, const v1::ReSolveRequest& request,
                        v1::ReSolveResponse* response, const Cancellation& cancellation) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindSearch(context, request.name(), "tables to solve"));
  HT_ASSIGN_OR_RETURN(v1::SearchSpec message, ParseSpec(job.spec));
  *message.mutable_budgets() = request.budgets();
  *message.mutable_pins() = request.pins();
  if (!request.frontier_metric().empty()) message.set_frontier_metric(request.frontier_metric());
  if (request.time_limit_seconds() != 0) {
    message.set_time_limit_seconds(request.time_limit_seconds());
  }
  HT_ASSIGN_OR_RETURN(const SearchSpec spec, SpecFromProto(message));
  HT_ASSIGN_OR_RETURN(const Solution solution, ReSolve(spec, *context.catalog, cancellation));
  *response->mutable_solution() = SolutionToProto(solution);
  response->set_result_json(SolutionToJson(solution).dump());
  return absl::OkStatus();
}

absl::Status DownloadArtifact(
    const ServiceContext& context, const v1::DownloadArtifactRequest& request,
    const std::function<absl::Status(v1::DownloadArtifactResponse)>& push) {
  const absl::StatusOr<ArtifactId> id = ParseArtifactName(request.name());
  if (!id.ok()) return AtField("name", id.status());
  const absl::StatusOr<JobRecord> job = context.jobs->Get(id->job_id);
  if (!job.ok()) return AboutResource(JobName(id->job_id), job.status());
  const auto found = job->artifacts.find(id->file);
  if (found == job->artifacts.end()) {
    return AboutResource(request.name(), absl::NotFoundError(absl::StrCat("there is no artifact '",
                                                                          request.name(), "'")));
  }
  HT_ASSIGN_OR_RETURN(const std::string bytes, context.blobs->Load(found->second.sha256));
  v1::DownloadArtifactResponse first;
  *first.mutable_artifact() = ArtifactToProto(id->job_id, id->file, found->second);
  HT_RETURN_IF_ERROR(push(std::move(first)));
  for (size_t begin = 0; begin < bytes.size(); begin += kDownloadChunkBytes) {
    v1::DownloadArtifactResponse response;
    response.set_chunk(bytes.substr(begin, kDownloadChunkBytes));
    HT_RETURN_IF_ERROR(push(std::move(response)));
  }
  return absl::OkStatus();
}

}  // namespace halftone
