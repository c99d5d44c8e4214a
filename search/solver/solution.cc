#include "search/solver/solution.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/enum_names.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {

using nlohmann::json;

namespace {

constexpr EnumName<Solution::Status> kStatuses[] = {{Solution::Status::kOptimal, "OPTIMAL"},
                                                    {Solution::Status::kFeasible, "FEASIBLE"},
                                                    {Solution::Status::kInfeasible, "INFEASIBLE"}};
constexpr EnumNames<Solution::Status> kStatusNames("status", kStatuses);

FrontierPoint PointFromJson(const json& document) {
  FrontierPoint point;
  point.loss = document.at("loss").get<double>();
  point.lower_bound = document.value("lower_bound", point.loss);
  point.cost = document.at("cost").get<Costs>();
  point.assignment = document.at("assignment").get<Assignment>();
  if (document.contains("objective")) {
    const json& objective = document.at("objective");
    point.objective = {objective.at("value").get<double>(),
                       objective.at("lower_bound").get<double>()};
  }
  return point;
}

// Both an answer and a point of a frontier.
void WritePoint(const FrontierPoint& point, json& document) {
  document["loss"] = point.loss;
  document["lower_bound"] = point.lower_bound;
  document["cost"] = point.cost;
  document["assignment"] = point.assignment;
  if (!point.objective.has_value()) return;
  document["objective"] = {{"value", point.objective->value},
                           {"lower_bound", point.objective->lower_bound}};
}

// Throws json::exception where a field is missing or of a wrong type.
absl::StatusOr<Solution> Read(const json& document) {
  Solution solution;
  const std::string status = document.at("status").get<std::string>();
  const absl::StatusOr<Solution::Status> parsed = ParseSolutionStatus(status);
  if (!parsed.ok()) return Annotate(parsed.status(), "solution");
  solution.status = *parsed;
  solution.seconds = document.value("seconds", 0.0);
  if (solution.status != Solution::Status::kInfeasible) {
    solution.SetPoint(PointFromJson(document));
    solution.gap = document.value("gap", 0.0);
  }
  if (document.contains("frontier")) {
    for (const json& point : document.at("frontier")) {
      solution.frontier.push_back(PointFromJson(point));
    }
  }
  if (document.contains("infeasible")) {
    const json& infeasible = document.at("infeasible");
    solution.infeasible.emplace();
    solution.infeasible->minimum = infeasible.at("minimum").get<Costs>();
    solution.infeasible->conflict = infeasible.at("conflict").get<std::vector<std::string>>();
    solution.infeasible->nearest = PointFromJson(infeasible.at("nearest"));
    const json relaxations = infeasible.value("relaxations", json::object());
    for (const auto& [metric, relaxation] : relaxations.items()) {
      solution.infeasible->relaxations[metric] = {relaxation.at("limit").get<double>(),
                                                  relaxation.at("loss").get<double>()};
    }
  }
  if (document.contains("verified")) {
    solution.verified = {document.at("verified").at("optimal").get<bool>(),
                         document.at("verified").value("lower_bound", 0.0)};
  }
  if (document.contains("explanation")) {
    HT_ASSIGN_OR_RETURN(solution.explanation, ExplanationFromJson(document.at("explanation")));
  }
  return solution;
}

}  // namespace

void FrontierPoint::SetBound(double bound) {
  if (!objective.has_value()) {
    lower_bound = std::min(bound, loss);
    return;
  }
  objective->lower_bound = std::min(bound, objective->value);
  lower_bound = loss - (objective->value - objective->lower_bound);
}

void Solution::SetPoint(FrontierPoint point) {
  gap = (point.Minimized() - point.Bound()) / std::max(std::abs(point.Minimized()), 1e-300);
  loss = point.loss;
  lower_bound = point.lower_bound;
  cost = std::move(point.cost);
  assignment = std::move(point.assignment);
  objective = point.objective;
}

absl::string_view SolutionStatusName(Solution::Status status) {
  return kStatusNames.NameOf(status);
}

absl::StatusOr<Solution::Status> ParseSolutionStatus(absl::string_view text) {
  return kStatusNames.Parse(text);
}

json FrontierPointToJson(const FrontierPoint& point) {
  json document = json::object();
  WritePoint(point, document);
  return document;
}

json SolutionToJson(const Solution& solution) {
  json document = {{"status", std::string(SolutionStatusName(solution.status))},
                   {"seconds", solution.seconds}};
  if (solution.status != Solution::Status::kInfeasible) {
    WritePoint(solution.AsPoint(), document);
    document["gap"] = solution.gap;
  }
  if (!solution.frontier.empty()) {
    json& frontier = document["frontier"] = json::array();
    for (const FrontierPoint& point : solution.frontier) {
      frontier.push_back(FrontierPointToJson(point));
    }
  }
  if (solution.infeasible.has_value()) {
    json relaxations = json::object();
    for (const auto& [metric, relaxation] : solution.infeasible->relaxations) {
      relaxations[metric] = {{"limit", relaxation.limit}, {"loss", relaxation.loss}};
    }
    document["infeasible"] = {{"minimum", solution.infeasible->minimum},
                              {"conflict", solution.infeasible->conflict},
                              {"relaxations", std::move(relaxations)},
                              {"nearest", FrontierPointToJson(solution.infeasible->nearest)}};
  }
  if (solution.verified.has_value()) {
    document["verified"] = {{"optimal", solution.verified->optimal}};
    if (solution.status != Solution::Status::kInfeasible) {
      document["verified"]["lower_bound"] = solution.verified->lower_bound;
    }
  }
  if (solution.explanation.has_value()) {
    document["explanation"] = ExplanationToJson(*solution.explanation);
  }
  return document;
}

absl::StatusOr<Solution> SolutionFromJson(const json& document) {
  try {
    return Read(document);
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("solution: ", error.what()));
  }
}

}  // namespace halftone
