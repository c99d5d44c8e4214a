#include "search/evaluation_json.h"

#include <map>
#include <string>
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

constexpr auto kHeadMembers =
    std::tuple(JsonMember("name", &HeadEvaluation::name),
               JsonMember("divergence", &HeadEvaluation::divergence),
               JsonMember("share", &HeadEvaluation::share), JsonMember("mse", &HeadEvaluation::mse),
               JsonMember("sqnr_db", &HeadEvaluation::sqnr_db));

json ExecutedToJson(const ExecutedEvaluation& executed) {
  json object = {{"divergence", executed.divergence},
                 {"kl", executed.kl},
                 {"mse", executed.mse},
                 {"sqnr_db", executed.sqnr_db},
                 {"assignment", json::object()}};
  if (executed.accuracy.has_value()) object["accuracy"] = *executed.accuracy;
  for (const auto& [layer, precision] : executed.assignment) {
    object["assignment"][layer] = precision.ToString();
  }
  if (!executed.warning.empty()) object["warning"] = executed.warning;
  return object;
}

absl::StatusOr<ExecutedEvaluation> ExecutedFromJson(const json& object) {
  ExecutedEvaluation executed;
  JsonFields fields(object, "evaluation.executed");
  fields.Read("accuracy", &executed.accuracy);
  fields.Read("divergence", &executed.divergence);
  fields.Read("kl", &executed.kl);
  fields.Read("mse", &executed.mse);
  fields.Read("sqnr_db", &executed.sqnr_db);
  fields.Read("warning", &executed.warning);
  std::map<std::string, std::string> assignment;
  fields.Read("assignment", &assignment);
  HT_RETURN_IF_ERROR(fields.status());
  for (const auto& [layer, text] : assignment) {
    HT_ASSIGN_OR_RETURN(executed.assignment[layer], Precision::Parse(text));
  }
  return executed;
}

}  // namespace

json EvaluationToJson(const Evaluation& evaluation) {
  json float_network = json::object();
  json quantized = {{"divergence", evaluation.divergence},
                    {"kl", evaluation.kl},
                    {"mse", evaluation.mse},
                    {"sqnr_db", evaluation.sqnr_db}};
  if (evaluation.heads.size() > 1) {
    for (const HeadEvaluation& head : evaluation.heads) {
      quantized["heads"].push_back(MembersToJson(kHeadMembers, head));
    }
  }
  if (evaluation.float_accuracy.has_value()) float_network["accuracy"] = *evaluation.float_accuracy;
  if (evaluation.quantized_accuracy.has_value()) {
    quantized["accuracy"] = *evaluation.quantized_accuracy;
  }
  json object = {{"samples", evaluation.samples},
                 {"float", std::move(float_network)},
                 {"quantized", std::move(quantized)}};
  if (evaluation.executed.has_value()) object["executed"] = ExecutedToJson(*evaluation.executed);
  return object;
}

absl::StatusOr<Evaluation> EvaluationFromJson(const json& object) {
  Evaluation evaluation;
  JsonFields fields(object, "evaluation");
  fields.ReadInteger("samples", 0, INT64_MAX, &evaluation.samples);
  fields.ReadObject("float", [&](const json& part) -> absl::Status {
    JsonFields inner(part, "evaluation.float");
    inner.Read("accuracy", &evaluation.float_accuracy);
    return inner.status();
  });
  fields.ReadObject("quantized", [&](const json& part) -> absl::Status {
    JsonFields inner(part, "evaluation.quantized");
    inner.Read("accuracy", &evaluation.quantized_accuracy);
    inner.Read("divergence", &evaluation.divergence);
    inner.ReadEach("heads", [&](const json& element) {
      JsonFields head(element, "evaluation.quantized.heads");
      ReadMembers(kHeadMembers, head, &evaluation.heads.emplace_back());
      return head.status();
    });
    inner.Read("kl", &evaluation.kl);
    inner.Read("mse", &evaluation.mse);
    inner.Read("sqnr_db", &evaluation.sqnr_db);
    return inner.status();
  });
  fields.ReadObject("executed", ExecutedFromJson, &evaluation.executed);
  HT_RETURN_IF_ERROR(fields.status());
  return evaluation;
}

}  // namespace halftone
