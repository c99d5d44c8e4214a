#include "search/solver/explanation.h"

#include <tuple>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;
using Limit = Explanation::Limit;
using Alternative = Explanation::Alternative;

constexpr auto kLimitMembers = std::tuple(
    JsonMember("metric", &Limit::metric), JsonMember("limit", &Limit::limit),
    JsonMember("used", &Limit::used), JsonMember("slack", &Limit::slack),
    JsonMember("binds", &Limit::binds), JsonMember("marginal_value", &Limit::marginal_value),
    JsonMember("loss_without", &Limit::loss_without), JsonMember("next_limit", &Limit::next_limit),
    JsonMember("next_loss", &Limit::next_loss),
    JsonMember("next_limit_bound", &Limit::next_limit_bound), JsonMember("at", &Limit::at));

constexpr auto kAlternativeMembers = std::tuple(
    JsonMember("layers", &Alternative::layers), JsonMember("chosen", &Alternative::chosen),
    JsonMember("choice", &Alternative::choice),
    JsonMember("loss_increase", &Alternative::loss_increase),
    JsonMember("loss_stderr", &Alternative::loss_stderr), JsonMember("cost", &Alternative::cost),
    JsonMember("changes", &Alternative::changes), JsonMember("is_near", &Alternative::is_near),
    JsonMember("is_proven", &Alternative::is_proven));

constexpr auto kMembers = std::tuple(JsonMember("near_share", &Explanation::near_share),
                                     JsonMember("is_complete", &Explanation::is_complete),
                                     JsonMember("seconds", &Explanation::seconds));

json AlternativeToJson(const Alternative& alternative) {
  json object = MembersToJson(kAlternativeMembers, alternative);
  if (!alternative.choice.empty()) return object;
  for (const char* const figure : {"loss_increase", "loss_stderr", "cost"}) {
    object[figure] = nullptr;
  }
  return object;
}

}  // namespace

json ExplanationToJson(const Explanation& explanation) {
  json object = MembersToJson(kMembers, explanation);
  object["limits"] = json::array();
  for (const Limit& limit : explanation.limits) {
    object["limits"].push_back(MembersToJson(kLimitMembers, limit));
  }
  object["alternatives"] = json::array();
  for (const Alternative& alternative : explanation.alternatives) {
    object["alternatives"].push_back(AlternativeToJson(alternative));
  }
  return object;
}

absl::StatusOr<Explanation> ExplanationFromJson(const json& object) {
  Explanation explanation;
  JsonFields fields(object, "explanation");
  ReadMembers(kMembers, fields, &explanation);
  fields.ReadEachFields("limits", kMaxBudgets + 1, [&](JsonFields& limit) {
    ReadMembers(kLimitMembers, limit, &explanation.limits.emplace_back());
  });
  fields.ReadEachFields("alternatives", kMaxLayers, [&](JsonFields& alternative) {
    ReadMembers(kAlternativeMembers, alternative, &explanation.alternatives.emplace_back());
  });
  HT_RETURN_IF_ERROR(fields.status());
  return explanation;
}

}  // namespace halftone
