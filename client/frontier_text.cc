#include "client/frontier_text.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "client/solution_text.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

json PointToJson(const v1::FrontierPoint& point) {
  const auto to_object = [](const auto& map) {
    json object = json::object();
    for (const auto& [key, value] : map) object[key] = value;
    return object;
  };
  return {{"loss", point.loss()},
          {"lower_bound", point.lower_bound()},
          {"cost", to_object(point.cost())},
          {"assignment", to_object(point.assignment())}};
}

using Points = google::protobuf::RepeatedPtrField<v1::FrontierPoint>;

std::string PointsText(const std::string& metric, const Points& points) {
  Table table({metric, "loss", "precisions"});
  for (const v1::FrontierPoint& point : points) {
    std::map<std::string, int> counts;
    for (const auto& [layer, precision] : point.assignment()) ++counts[precision];
    std::string precisions;
    for (const auto& [precision, count] : counts) {
      absl::StrAppend(&precisions, precisions.empty() ? "" : " ", "x", count, " ", precision);
    }
    const auto cost = point.cost().find(metric);
    table.Add({cost == point.cost().end() ? "-" : CostText(metric, cost->second),
               FormatNumber(point.loss()), precisions});
  }
  return table.Render();
}

}  // namespace

json FrontierToJson(const std::string& job, const v1::GetFrontierResponse& frontier) {
  json points = json::array();
  for (const v1::FrontierPoint& point : frontier.points()) points.push_back(PointToJson(point));
  return {{"job", job}, {"metric", frontier.metric()}, {"frontier", std::move(points)}};
}

std::string FrontierText(const v1::GetFrontierResponse& frontier) {
  return PointsText(frontier.metric(), frontier.points());
}

std::string FrontierText(const v1::ReSolveResponse& answer) {
  return PointsText(answer.frontier_metric(), answer.solution().frontier());
}

}  // namespace halftone
