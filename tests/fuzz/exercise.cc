#include "tests/fuzz/exercise.h"

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/bounded_json.h"
#include "base/status_macros.h"
#include "halftone/v1/search_service.pb.h"
#include "nlohmann/json.hpp"
#include "profilers/builtin.h"
#include "search/search_spec.h"
#include "search/solver/problem.h"
#include "search/solver/problem_fields.h"
#include "server/convert/crosscheck.h"
#include "server/convert/spec.h"

namespace halftone {
namespace {

absl::Status Differs(absl::string_view what, const nlohmann::json& before,
                     const nlohmann::json& after) {
  if (before == after) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(what, " is read as ", before.dump(), " and that as ", after.dump()));
}

// What errors say goes to clients: every one has a text.
absl::Status Refused(const absl::Status& status) {
  return status.message().empty() ? absl::InternalError("refused without a word")
                                  : absl::OkStatus();
}

}  // namespace

absl::Status ExerciseProblem(absl::string_view bytes) {
  const absl::StatusOr<nlohmann::json> document = ParseBoundedJson(bytes);
  if (!document.ok()) return Refused(document.status());
  const absl::Status known = CheckProblemFields(*document);
  if (!known.ok()) return Refused(known);
  const absl::StatusOr<Problem> problem = ProblemFromJson(*document);
  if (!problem.ok()) return Refused(problem.status());
  const nlohmann::json written = ProblemToJson(*problem);
  HT_RETURN_IF_ERROR(CheckProblemFields(written));
  const absl::StatusOr<Problem> again = ProblemFromJson(written);
  if (!again.ok()) return again.status();
  return Differs("a problem", written, ProblemToJson(*again));
}

absl::Status ExerciseTargetFile(absl::string_view bytes) {
  for (const char* const name : {"a.json", "a.csv", "a"}) {
    const absl::StatusOr<std::unique_ptr<CostProfiler>> profiler =
        MakeDescribedProfiler({name, std::string(bytes), absl::UnixEpoch()});
    const absl::Status status = profiler.ok() ? absl::OkStatus() : Refused(profiler.status());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ExerciseCreateJob(absl::string_view bytes) {
  v1::CreateJobRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::OkStatus();
  }
  if (request.has_crosscheck()) {
    const auto crosscheck = CrosscheckFromProto(request.crosscheck());
    return crosscheck.ok() ? absl::OkStatus() : Refused(crosscheck.status());
  }
  const absl::StatusOr<SearchSpec> spec = SpecFromProto(request.spec());
  if (!spec.ok()) return Refused(spec.status());
  const nlohmann::json written = SearchSpecToJson(*spec);
  const absl::StatusOr<SearchSpec> again = SearchSpecFromJson(written);
  if (!again.ok()) return again.status();
  return Differs("a spec", written, SearchSpecToJson(*again));
}

}  // namespace halftone
