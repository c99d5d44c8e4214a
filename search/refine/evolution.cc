#include "search/refine/evolution.h"

#include <tuple>
#include <utility>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kMembers = std::tuple(JsonMember("objectives", &Evolution::objectives),
                                     JsonMember("seed", &Evolution::seed),
                                     JsonMember("start_evaluations", &Evolution::start_evaluations),
                                     JsonMember("evaluations", &Evolution::evaluations),
                                     JsonMember("start_divergence", &Evolution::start_divergence),
                                     JsonMember("divergence", &Evolution::divergence),
                                     JsonMember("start_hypervolume", &Evolution::start_hypervolume),
                                     JsonMember("hypervolume", &Evolution::hypervolume),
                                     JsonMember("reference", &Evolution::reference));

}  // namespace

json EvolutionToJson(const Evolution& evolution) {
  json object = MembersToJson(kMembers, evolution);
  object["front"] = json::array();
  for (const MeasuredPoint& point : evolution.front) {
    object["front"].push_back({{"assignment", point.assignment}, {"objectives", point.objectives}});
  }
  return object;
}

absl::StatusOr<Evolution> EvolutionFromJson(const json& object) {
  Evolution evolution;
  JsonFields fields(object, "evolution");
  ReadMembers(kMembers, fields, &evolution);
  fields.ReadEach("front", [&](const json& element) -> absl::Status {
    MeasuredPoint point;
    JsonFields of_point(element, "front");
    of_point.Read("assignment", &point.assignment);
    of_point.Read("objectives", &point.objectives);
    evolution.front.push_back(std::move(point));
    return of_point.status();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return evolution;
}

}  // namespace halftone
