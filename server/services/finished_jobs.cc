#include "server/services/finished_jobs.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "profilers/design_space.h"
#include "server/convert/crosscheck.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

absl::Status WithoutResult(const JobRecord& job, absl::string_view why) {
  const std::string name = JobName(job.id);
  const absl::Status refused =
      absl::FailedPreconditionError(absl::StrCat("job '", name, "' ", why));
  return AboutResource(name, WithReason(v1::JOB_NOT_SUCCEEDED, refused));
}

}  // namespace

absl::StatusOr<JobRecord> FindJob(const ServiceContext& context, const std::string& name) {
  const absl::StatusOr<std::string> id = ParseJobName(name);
  if (!id.ok()) return AtField("name", id.status());
  absl::StatusOr<JobRecord> job = context.jobs->Get(*id);
  if (!job.ok()) return AboutResource(name, WithReason(v1::JOB_NOT_FOUND, job.status()));
  return job;
}

absl::StatusOr<std::string> StoredSpec(const ServiceContext& context, const JobRecord& job) {
  absl::StatusOr<std::string> spec = context.jobs->Spec(job.id);
  if (spec.ok()) return spec;
  return AboutResource(JobName(job.id), WithReason(v1::JOB_NOT_FOUND, spec.status()));
}

absl::StatusOr<std::string> LoadDocument(const ServiceContext& context, const JobRecord& job) {
  if (job.state == JobState::kFailed) {
    return WithoutResult(job, absl::StrCat("failed: ", job.error.message()));
  }
  if (job.state != JobState::kSucceeded) {
    return WithoutResult(job, absl::StrCat("has no result: it is ", JobStateName(job.state)));
  }
  return context.LoadStored(JobName(job.id), job.result_sha256);
}

absl::StatusOr<JobRecord> FindSearch(const ServiceContext& context, const std::string& name,
                                     absl::string_view what) {
  HT_ASSIGN_OR_RETURN(JobRecord job, FindJob(context, name));
  if (!IsCrosscheck(job.summary)) return job;
  const absl::Status refused = absl::FailedPreconditionError(
      absl::StrCat("job '", name, "' is a crosscheck: it has no ", what));
  return AboutResource(name, WithReason(v1::JOB_IS_CROSSCHECK, refused));
}

absl::StatusOr<FinishedSearch> LoadFinishedSearch(const ServiceContext& context,
                                                  const std::string& name) {
  HT_ASSIGN_OR_RETURN(const JobRecord job, FindSearch(context, name, "answer"));
  HT_ASSIGN_OR_RETURN(const std::string document, LoadDocument(context, job));
  FinishedSearch search;
  HT_ASSIGN_OR_RETURN(search.result, ParseDocument(job, document, SearchResultFromJson));
  HT_ASSIGN_OR_RETURN(const std::string stored, StoredSpec(context, job));
  HT_ASSIGN_OR_RETURN(const v1::SearchSpec message, ParseSpec(stored));
  HT_ASSIGN_OR_RETURN(search.spec, SpecFromProto(message));
  if (!search.result.codesign.has_value()) return search;
  search.spec.target = search.result.target;
  for (Budget& budget : search.spec.budgets) {
    const auto limit =
        search.result.codesign->budgets.find(std::string(MetricCostKey(budget.metric)));
    if (limit == search.result.codesign->budgets.end()) continue;
    budget = {budget.metric, Budget::Kind::kAbsolute, limit->second};
  }
  return search;
}

}  // namespace halftone
