#ifndef HALFTONE_SERVER_SERVICES_FINISHED_JOBS_H_
#define HALFTONE_SERVER_SERVICES_FINISHED_JOBS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "search/result.h"
#include "search/search_spec.h"
#include "server/convert/resource_name.h"
#include "server/jobs/job_record.h"
#include "server/services/service_context.h"

namespace halftone {

// Jobs by their resource names, and what those that have succeeded left. Errors are about that
// resource: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION for a job that has no result, or is a
// crosscheck where a search is asked for; DATA_LOSS for a result that is missing or cannot be read.

absl::StatusOr<JobRecord> FindJob(const ServiceContext& context, const std::string& name);
// The stored spec of a job that was found.
absl::StatusOr<std::string> StoredSpec(const ServiceContext& context, const JobRecord& job);
// A job that is a search; a crosscheck has no `what`.
absl::StatusOr<JobRecord> FindSearch(const ServiceContext& context, const std::string& name,
                                     absl::string_view what);
// The JSON document that a finished job left.
absl::StatusOr<std::string> LoadDocument(const ServiceContext& context, const JobRecord& job);
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

// A search that has succeeded. One over a design space is one on its chosen configuration, with
// budgets in numbers.
struct FinishedSearch {
  SearchSpec spec;
  SearchResult result;
};
absl::StatusOr<FinishedSearch> LoadFinishedSearch(const ServiceContext& context,
                                                  const std::string& name);

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_FINISHED_JOBS_H_
