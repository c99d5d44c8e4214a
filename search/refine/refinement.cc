#include "search/refine/refinement.h"

#include <tuple>
#include <utility>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kMembers = std::tuple(
    JsonMember("assignment", &Refinement::assignment), JsonMember("source", &Refinement::source),
    JsonMember("divergence", &Refinement::divergence),
    JsonMember("optimum_divergence", &Refinement::optimum_divergence),
    JsonMember("loss", &Refinement::loss), JsonMember("cost", &Refinement::cost));

constexpr auto kEvaluatedMembers =
    std::tuple(JsonMember("source", &Refinement::Evaluated::source),
               JsonMember("predicted", &Refinement::Evaluated::predicted),
               JsonMember("divergence", &Refinement::Evaluated::divergence));

}  // namespace

json RefinementToJson(const Refinement& refinement) {
  json object = MembersToJson(kMembers, refinement);
  if (refinement.evolution.has_value()) {
    object["evolution"] = EvolutionToJson(*refinement.evolution);
  }
  object["evaluations"] = refinement.evaluated.size();
  object["evaluated"] = json::array();
  for (const Refinement::Evaluated& evaluated : refinement.evaluated) {
    object["evaluated"].push_back(MembersToJson(kEvaluatedMembers, evaluated));
  }
  return object;
}

absl::StatusOr<Refinement> RefinementFromJson(const json& object) {
  Refinement refinement;
  JsonFields fields(object, "refined");
  fields.Require("assignment");
  ReadMembers(kMembers, fields, &refinement);
  fields.ReadObject("evolution", [&](const json& part) -> absl::Status {
    HT_ASSIGN_OR_RETURN(refinement.evolution, EvolutionFromJson(part));
    return absl::OkStatus();
  });
  fields.ReadEach("evaluated", [&](const json& element) -> absl::Status {
    Refinement::Evaluated evaluated;
    JsonFields of_one(element, "evaluated");
    ReadMembers(kEvaluatedMembers, of_one, &evaluated);
    refinement.evaluated.push_back(std::move(evaluated));
    return of_one.status();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return refinement;
}

}  // namespace halftone
