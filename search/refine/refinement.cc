#include "search/refine/refinement.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/infinity.h"
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
    JsonMember("loss", &Refinement::loss), JsonMember("cost", &Refinement::cost),
    JsonMember("is_exhausted", &Refinement::is_exhausted),
    JsonMember("factor", &Refinement::factor),
    JsonMember("is_unexplained", &Refinement::is_unexplained),
    JsonMember("partial_evaluations", &Refinement::partial_evaluations),
    JsonMember("most_divergence", &Refinement::most_divergence));

constexpr auto kEvaluatedMembers =
    std::tuple(JsonMember("source", &Refinement::Evaluated::source),
               JsonMember("predicted", &Refinement::Evaluated::predicted),
               JsonMember("divergence", &Refinement::Evaluated::divergence),
               JsonMember("posterior", &Refinement::Evaluated::posterior));

}  // namespace

const Refinement::Evaluated* Refinement::LeastMeasured() const {
  const auto least =
      std::min_element(evaluated.begin(), evaluated.end(),
                       [](const auto& a, const auto& b) { return a.divergence < b.divergence; });
  const bool is_less = least != evaluated.end() && least->divergence < divergence;
  return is_less ? &*least : nullptr;
}

void Refinement::ApplyTo(Problem& problem) const {
  ApplyCorrections(corrections, problem);
  if (factor != 1) MultiplyLosses(factor, problem);
}

json RefinementToJson(const Refinement& refinement) {
  json object = MembersToJson(kMembers, refinement);
  if (refinement.evolution.has_value()) {
    object["evolution"] = EvolutionToJson(*refinement.evolution);
  }
  object["joint_optima"] = json::array();
  for (const Refinement::JointOptimum& joint : refinement.joint_optima) {
    object["joint_optima"].push_back(
        {{"weight", joint.weight}, {"solution", SolutionToJson(joint.solution)}});
  }
  object["corrections"] = json::array();
  for (const Correction& correction : refinement.corrections) {
    object["corrections"].push_back(CorrectionToJson(correction));
  }
  if (!refinement.optimum.empty()) object["optimum"] = refinement.optimum;
  object["evaluations"] =
      refinement.evaluated.size() + static_cast<size_t>(refinement.partial_evaluations);
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
  refinement.most_divergence = kInfinity;  // older versions did not note it
  ReadMembers(kMembers, fields, &refinement);
  fields.Read("optimum", &refinement.optimum);
  fields.ReadEach("corrections", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(refinement.corrections.emplace_back(), CorrectionFromJson(element));
    return absl::OkStatus();
  });
  fields.ReadObject("evolution", EvolutionFromJson, &refinement.evolution);
  fields.ReadEach("joint_optima", [&](const json& element) -> absl::Status {
    Refinement::JointOptimum& joint = refinement.joint_optima.emplace_back();
    JsonFields of_one(element, "joint_optima");
    of_one.Read("weight", &joint.weight);
    of_one.ReadObject("solution", SolutionFromJson, &joint.solution);
    return of_one.status();
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
