#include "search/crosscheck/crosscheck_result.h"

#include <cmath>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/refine/model_corrector.h"

namespace halftone {
namespace {

using nlohmann::json;

void NoteUnderestimation(const MeasuredAssignment& measured, size_t number, EstimatorScore& score) {
  const double predicted = score.predicted[number];
  if (!Holds(predicted, measured.divergence)) ++score.underestimated;
  const double ratio = measured.divergence / predicted;
  if (predicted <= 0 || ratio <= score.worst_ratio.value_or(0)) return;
  score.worst_ratio = ratio;
  score.worst_assignment = static_cast<int>(number);
}

void ScoreCalibration(absl::Span<const MeasuredAssignment> measured, EstimatorScore& score) {
  std::vector<double> ratios, logarithms;
  for (size_t i = 0; i < measured.size(); ++i) {
    NoteUnderestimation(measured[i], i, score);
    const double ratio = score.predicted[i] / measured[i].divergence;
    if (!std::isfinite(ratio) || ratio <= 0) continue;
    ratios.push_back(ratio);
    logarithms.push_back(std::log(ratio));
  }
  if (ratios.empty()) return;
  score.median_ratio = Median(std::move(ratios));
  if (logarithms.size() > 1) score.log_ratio_std = StandardDeviation(logarithms);
}

constexpr auto kScoreMembers = std::tuple(
    JsonMember("name", &EstimatorScore::name),
    JsonMember("predicts_divergence", &EstimatorScore::predicts_divergence),
    JsonMember("error", &EstimatorScore::error), JsonMember("spearman", &EstimatorScore::spearman),
    JsonMember("kendall", &EstimatorScore::kendall),
    JsonMember("executed_spearman", &EstimatorScore::executed_spearman),
    JsonMember("accuracy_spearman", &EstimatorScore::accuracy_spearman),
    JsonMember("accuracy_kendall", &EstimatorScore::accuracy_kendall),
    JsonMember("median_ratio", &EstimatorScore::median_ratio),
    JsonMember("log_ratio_std", &EstimatorScore::log_ratio_std),
    JsonMember("underestimated", &EstimatorScore::underestimated),
    JsonMember("worst_ratio", &EstimatorScore::worst_ratio),
    JsonMember("worst_assignment", &EstimatorScore::worst_assignment),
    JsonMember("seconds", &EstimatorScore::seconds),
    JsonMember("predicted", &EstimatorScore::predicted));

json ScoreToJson(const EstimatorScore& score) {
  json object = MembersToJson(kScoreMembers, score);
  if (score.error.empty()) object["error"] = nullptr;
  return object;
}

absl::StatusOr<EstimatorScore> ScoreFromJson(const json& object) {
  EstimatorScore score;
  JsonFields fields(object, "estimator");
  fields.Require("name");
  ReadMembers(kScoreMembers, fields, &score);
  HT_RETURN_IF_ERROR(fields.status());
  return score;
}

absl::Status ReadLists(JsonFields& fields, CrosscheckResult* result) {
  std::vector<std::string> precisions;
  fields.Read("precisions", &precisions);
  fields.ReadEach("assignments", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(MeasuredAssignment measured, MeasuredAssignmentFromJson(element));
    result->assignments.push_back(std::move(measured));
    return absl::OkStatus();
  });
  fields.Require("estimators");
  fields.ReadEach("estimators", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(EstimatorScore score, ScoreFromJson(element));
    result->estimators.push_back(std::move(score));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  for (const std::string& text : precisions) {
    HT_ASSIGN_OR_RETURN(const Precision precision, Precision::Parse(text));
    result->precisions.push_back(precision);
  }
  return absl::OkStatus();
}

}  // namespace

EstimatorScore Score(const Estimator& estimator, const Prediction& prediction,
                     absl::Span<const MeasuredAssignment> measured) {
  EstimatorScore score;
  score.name = estimator.name;
  score.predicts_divergence = estimator.predicts_divergence;
  score.error = prediction.error;
  score.seconds = prediction.seconds;
  score.predicted = prediction.predicted;
  if (score.predicted.size() != measured.size()) return score;
  std::vector<double> divergences, accuracy_losses, executed;
  for (const MeasuredAssignment& assignment : measured) {
    divergences.push_back(assignment.divergence);
    if (assignment.accuracy_loss.has_value()) accuracy_losses.push_back(*assignment.accuracy_loss);
    if (assignment.executed_divergence.has_value()) {
      executed.push_back(*assignment.executed_divergence);
    }
  }
  if (executed.size() == measured.size()) {
    score.executed_spearman = SpearmanCorrelation(score.predicted, executed);
  }
  score.spearman = SpearmanCorrelation(score.predicted, divergences);
  score.kendall = KendallCorrelation(score.predicted, divergences);
  if (accuracy_losses.size() == measured.size()) {
    score.accuracy_spearman = SpearmanCorrelation(score.predicted, accuracy_losses);
    score.accuracy_kendall = KendallCorrelation(score.predicted, accuracy_losses);
  }
  if (score.predicts_divergence) ScoreCalibration(measured, score);
  return score;
}

std::string UnderestimationWarning(const EstimatorScore& score,
                                   absl::Span<const MeasuredAssignment> measured) {
  if (score.underestimated == 0) return "";
  std::string text =
      absl::StrCat(score.underestimated, " of ", measured.size(), " assignments do more than ",
                   kMostTimesPredicted, " times what ", score.name, " predicts");
  const auto worst = static_cast<size_t>(score.worst_assignment);
  if (!score.worst_ratio.has_value() || worst >= measured.size()) return text;
  return absl::StrCat(
      text,
      absl::StrFormat(", up to %.3g times: %.3g where it predicts %.3g (assignment ",
                      *score.worst_ratio, measured[worst].divergence, score.predicted[worst]),
      worst, ")");
}

json MeasuredAssignmentToJson(const MeasuredAssignment& measured) {
  json assignment = json::object();
  for (const auto& [layer, precision] : measured.assignment) {
    assignment[layer] = precision.ToString();
  }
  json object = {{"measured", measured.divergence},
                 {"damage", measured.damage},
                 {"accuracy_loss", MemberToJson(measured.accuracy_loss)},
                 {"assignment", std::move(assignment)}};
  if (!measured.executed_divergence.has_value()) return object;
  object["executed"] = {{"measured", *measured.executed_divergence},
                        {"accuracy_loss", MemberToJson(measured.executed_accuracy_loss)}};
  return object;
}

absl::StatusOr<MeasuredAssignment> MeasuredAssignmentFromJson(const json& object) {
  MeasuredAssignment measured;
  std::map<std::string, std::string> assignment;
  JsonFields fields(object, "assignment");
  fields.Require("measured");
  fields.Read("measured", &measured.divergence);
  fields.Read("damage", &measured.damage);
  fields.Read("accuracy_loss", &measured.accuracy_loss);
  fields.ReadObject("executed", [&](const json& part) -> absl::Status {
    JsonFields inner(part, "assignment.executed");
    inner.Read("measured", &measured.executed_divergence);
    inner.Read("accuracy_loss", &measured.executed_accuracy_loss);
    return inner.status();
  });
  fields.Read("assignment", &assignment);
  HT_RETURN_IF_ERROR(fields.status());
  for (const auto& [layer, text] : assignment) {
    HT_ASSIGN_OR_RETURN(measured.assignment[layer], Precision::Parse(text));
  }
  return measured;
}

json CrosscheckResultToJson(const CrosscheckResult& result) {
  json object = {{"model_name", result.model_name},
                 {"output_metric", result.output_metric},
                 {"precisions", json::array()},
                 {"min_damage", result.min_damage},
                 {"max_damage", result.max_damage},
                 {"seed", result.seed},
                 {"samples", result.samples},
                 {"evaluation_samples", result.evaluation_samples},
                 {"requested", result.requested},
                 {"tried", result.tried},
                 {"evaluation_seconds", result.evaluation_seconds},
                 {"float_accuracy", MemberToJson(result.float_accuracy)},
                 {"assignments", json::array()},
                 {"estimators", json::array()},
                 {"heads", OutputHeadsToJson(result.heads)},
                 {"warnings", result.warnings},
                 {"artifacts", result.artifacts}};
  for (const Precision& precision : result.precisions) {
    object["precisions"].push_back(precision.ToString());
  }
  for (const MeasuredAssignment& measured : result.assignments) {
    object["assignments"].push_back(MeasuredAssignmentToJson(measured));
  }
  for (const EstimatorScore& score : result.estimators) {
    object["estimators"].push_back(ScoreToJson(score));
  }
  return object;
}

absl::StatusOr<CrosscheckResult> CrosscheckResultFromJson(const json& object) {
  CrosscheckResult result;
  JsonFields fields(object, "crosscheck");
  fields.Read("model_name", &result.model_name);
  fields.Read("output_metric", &result.output_metric);
  fields.Read("min_damage", &result.min_damage);
  fields.Read("max_damage", &result.max_damage);
  fields.Read("seed", &result.seed);
  fields.ReadInteger("samples", 0, INT64_MAX, &result.samples);
  fields.ReadInteger("evaluation_samples", 0, INT64_MAX, &result.evaluation_samples);
  fields.ReadInteger("requested", 0, INT32_MAX, &result.requested);
  fields.ReadInteger("tried", 0, INT32_MAX, &result.tried);
  fields.Read("evaluation_seconds", &result.evaluation_seconds);
  fields.Read("float_accuracy", &result.float_accuracy);
  fields.ReadEach("heads", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(result.heads.emplace_back(), OutputHeadFromJson(element));
    return absl::OkStatus();
  });
  fields.Read("warnings", &result.warnings);
  fields.Read("artifacts", &result.artifacts);
  HT_RETURN_IF_ERROR(ReadLists(fields, &result));
  return result;
}

}  // namespace halftone
