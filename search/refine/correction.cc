#include "search/refine/correction.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/quant/precision.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kPartMembers = std::tuple(JsonMember("layers", &Correction::Part::layers),
                                         JsonMember("precision", &Correction::Part::choice),
                                         JsonMember("loss", &Correction::Part::loss));

constexpr auto kCorrectionMembers = std::tuple(JsonMember("divergence", &Correction::divergence),
                                               JsonMember("added", &Correction::added));

bool IsOf(const Correction::Part& part, const std::string& layer) {
  return std::find(part.layers.begin(), part.layers.end(), layer) != part.layers.end();
}

// The part that is of the layer; nullptr where none is.
const Correction::Part* PartOf(const Correction& correction, const std::string& layer) {
  for (const Correction::Part& part : correction.parts) {
    if (IsOf(part, layer)) return &part;
  }
  return nullptr;
}

Problem::Layer* FindLayer(Problem& problem, const std::string& name) {
  const auto found = std::find_if(problem.layers.begin(), problem.layers.end(),
                                  [&](const Problem::Layer& layer) { return layer.name == name; });
  return found == problem.layers.end() ? nullptr : &*found;
}

void AddToChoice(const Correction& correction, Problem& problem) {
  const Correction::Part& part = correction.parts[0];
  Problem::Layer* const layer = FindLayer(problem, part.layers[0]);
  if (layer == nullptr) return;
  for (Problem::Choice& choice : layer->choices) {
    if (choice.name == part.choice) choice.loss += correction.added;
  }
}

}  // namespace

bool Correction::IsIn(const Assignment& assignment) const {
  return std::all_of(parts.begin(), parts.end(), [&](const Part& part) {
    const auto chosen = assignment.find(part.layers[0]);
    return chosen != assignment.end() && chosen->second == part.choice;
  });
}

json CorrectionToJson(const Correction& correction) {
  json object = MembersToJson(kCorrectionMembers, correction);
  object["groups"] = json::array();
  for (const Correction::Part& part : correction.parts) {
    object["groups"].push_back(MembersToJson(kPartMembers, part));
  }
  return object;
}

absl::StatusOr<Correction> CorrectionFromJson(const json& object) {
  Correction correction;
  JsonFields fields(object, "correction");
  ReadMembers(kCorrectionMembers, fields, &correction);
  fields.ReadEach("groups", [&](const json& element) -> absl::Status {
    Correction::Part part;
    JsonFields of_part(element, "group");
    of_part.Require("layers");
    ReadMembers(kPartMembers, of_part, &part);
    if (part.layers.empty()) of_part.Fail("layers", "must name a layer");
    correction.parts.push_back(std::move(part));
    return of_part.status();
  });
  if (correction.parts.empty() || correction.parts.size() > 2) {
    fields.Fail("groups", "must be one group, or two");
  }
  HT_RETURN_IF_ERROR(fields.status());
  return correction;
}

bool IsNoFiner(const std::string& coarse, const std::string& fine) {
  if (coarse == fine) return false;
  const absl::StatusOr<Precision> a = Precision::Parse(coarse), b = Precision::Parse(fine);
  return a.ok() && b.ok() && a->weights.bits <= b->weights.bits &&
         a->activations.bits <= b->activations.bits;
}

std::optional<double> AddedByPair(absl::Span<const Correction> corrections, const std::string& a,
                                  const std::string& a_choice, const std::string& b,
                                  const std::string& b_choice) {
  std::optional<double> measured, implied;
  for (const Correction& correction : corrections) {
    if (!correction.IsOfPair()) continue;
    const Correction::Part* const of_a = PartOf(correction, a);
    const Correction::Part* const of_b = PartOf(correction, b);
    if (of_a == nullptr || of_b == nullptr || of_a == of_b) continue;
    if (of_a->choice == a_choice && of_b->choice == b_choice) {
      measured = measured.value_or(0) + correction.added;
      continue;
    }
    const bool is_no_finer = (of_a->choice == a_choice || IsNoFiner(a_choice, of_a->choice)) &&
                             (of_b->choice == b_choice || IsNoFiner(b_choice, of_b->choice));
    if (!is_no_finer || correction.added <= 0) continue;
    implied = std::max(implied.value_or(0), correction.added);
  }
  return measured.has_value() ? measured : implied;
}

void MultiplyLosses(double factor, Problem& problem) {
  for (Problem::Layer& layer : problem.layers) {
    for (Problem::Choice& choice : layer.choices) {
      choice.loss *= factor;
      if (choice.loss_stderr.has_value()) *choice.loss_stderr *= factor;
    }
  }
  for (Problem::Interaction& interaction : problem.interactions) interaction.loss *= factor;
}

void ApplyCorrections(absl::Span<const Correction> corrections, Problem& problem) {
  std::set<std::pair<std::string, std::string>> pairs;  // of first layers
  for (const Correction& correction : corrections) {
    if (!correction.IsOfPair()) {
      AddToChoice(correction, problem);
    } else {
      pairs.emplace(correction.parts[0].layers[0], correction.parts[1].layers[0]);
    }
  }
  for (const auto& [first, second] : pairs) {
    const Problem::Layer* const a = FindLayer(problem, first);
    const Problem::Layer* const b = FindLayer(problem, second);
    if (a == nullptr || b == nullptr) continue;
    for (const Problem::Choice& of_a : a->choices) {
      for (const Problem::Choice& of_b : b->choices) {
        const std::optional<double> added =
            AddedByPair(corrections, a->name, of_a.name, b->name, of_b.name);
        if (added.value_or(0) == 0) continue;
        problem.interactions.push_back({{a->name, of_a.name}, {b->name, of_b.name}, *added});
      }
    }
  }
}

}  // namespace halftone
