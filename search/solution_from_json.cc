#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/result.h"
#include "search/sensitivity/json_fields.h"

namespace halftone {
namespace {

using nlohmann::json;

absl::StatusOr<Solution::Status> ParseStatus(const std::string& text) {
  for (const Solution::Status status :
       {Solution::Status::kOptimal, Solution::Status::kFeasible, Solution::Status::kInfeasible}) {
    if (SolutionStatusName(status) == text) return status;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown status '", text, "'"));
}

absl::StatusOr<FrontierPoint> FrontierPointFromJson(const json& object) {
  FrontierPoint point;
  JsonFields fields(object, "frontier");
  fields.Read("loss", &point.loss);
  point.lower_bound = point.loss;
  fields.Read("lower_bound", &point.lower_bound);
  fields.Read("cost", &point.cost);
  fields.Read("assignment", &point.assignment);
  HT_RETURN_IF_ERROR(fields.status());
  return point;
}

absl::StatusOr<Solution::Infeasible> InfeasibleFromJson(const json& object) {
  Solution::Infeasible infeasible;
  JsonFields fields(object, "infeasible");
  fields.Read("minimum", &infeasible.minimum);
  fields.Read("conflict", &infeasible.conflict);
  fields.ReadObject("nearest", [&](const json& point) -> absl::Status {
    HT_ASSIGN_OR_RETURN(infeasible.nearest, FrontierPointFromJson(point));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return infeasible;
}

}  // namespace

absl::StatusOr<Solution> SolutionFromJson(const json& object) {
  Solution solution;
  JsonFields fields(object, "solution");
  fields.Require("status");
  fields.ReadText("status", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(solution.status, ParseStatus(text));
    return absl::OkStatus();
  });
  fields.Read("loss", &solution.loss);
  fields.Read("lower_bound", &solution.lower_bound);
  fields.Read("gap", &solution.gap);
  fields.Read("cost", &solution.cost);
  fields.Read("assignment", &solution.assignment);
  fields.Read("seconds", &solution.seconds);
  fields.ReadEach("frontier", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(FrontierPoint point, FrontierPointFromJson(element));
    solution.frontier.push_back(std::move(point));
    return absl::OkStatus();
  });
  fields.ReadObject("infeasible", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(solution.infeasible, InfeasibleFromJson(element));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return solution;
}

}  // namespace halftone
