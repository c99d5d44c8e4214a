#include "search/prediction_check.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/refine/model_corrector.h"

namespace halftone {
namespace {

using nlohmann::json;

// A divergence below this changes hardly an answer, whatever was predicted: of class scores, and of
// what is compared with an output's own size.
constexpr double kLittle = 1e-3;
// That a warning names.
constexpr size_t kMostNamed = 3;

constexpr auto kCheckMembers =
    std::tuple(JsonMember("predicted", &PredictionCheck::predicted),
               JsonMember("measured", &PredictionCheck::measured),
               JsonMember("metric", &PredictionCheck::metric),
               JsonMember("on_held_out", &PredictionCheck::on_held_out),
               JsonMember("factor", &PredictionCheck::factor),
               JsonMember("is_unexplained", &PredictionCheck::is_unexplained));

std::string Short(double value) { return absl::StrFormat("%.3g", value); }

bool IsLarge(const PredictionCheck& check) {
  return check.metric == "mse" || check.measured >= kLittle;
}

void AddRefined(const Refinement& refined, PredictionCheck& check) {
  check.predicted = refined.Improves() ? refined.loss : check.predicted;
  check.measured = refined.Improves() ? refined.divergence : refined.optimum_divergence;
}

std::vector<Correction> CorrectionsIn(const Assignment& answer, const Refinement& refined) {
  std::vector<Correction> corrections;
  for (const Correction& correction : refined.corrections) {
    if (correction.added > 0 && correction.IsIn(answer)) corrections.push_back(correction);
  }
  std::stable_sort(corrections.begin(), corrections.end(),
                   [](const auto& a, const auto& b) { return a.added > b.added; });
  return corrections;
}

}  // namespace

std::optional<double> PredictionCheck::Ratio() const {
  if (predicted <= 0) return std::nullopt;
  return measured / predicted;
}

bool PredictionCheck::Holds() const { return halftone::Holds(predicted, measured); }

std::optional<PredictionCheck> CheckPrediction(const SensitivityResult& sensitivity,
                                               const Solution& solution,
                                               const std::optional<Refinement>& refined,
                                               const std::optional<Evaluation>& evaluation,
                                               bool on_held_out) {
  if (solution.status == Solution::Status::kInfeasible) return std::nullopt;
  if (!PredictsDivergence(sensitivity)) return std::nullopt;
  PredictionCheck check;
  check.metric = sensitivity.output_metric;
  check.predicted = solution.loss;
  if (refined.has_value()) {
    AddRefined(*refined, check);
    const Assignment& answer = refined->Improves() ? refined->assignment : solution.assignment;
    check.responsible = CorrectionsIn(answer, *refined);
    check.factor = refined->factor;
    check.is_unexplained = refined->is_unexplained && !check.Holds();
    return check;
  }
  if (!evaluation.has_value()) return std::nullopt;
  check.measured = evaluation->divergence;
  check.on_held_out = on_held_out;
  return check;
}

std::string CorrectionText(const Correction& correction) {
  std::string text;
  double alone = 0;
  for (const Correction::Part& part : correction.parts) {
    absl::StrAppend(&text, text.empty() ? "" : " with ", "'", absl::StrJoin(part.layers, "', '"),
                    "' (", part.choice, ")");
    alone += part.loss;
  }
  return absl::StrCat(text, ": ", Short(correction.divergence),
                      correction.IsOfPair() ? " together, " : " measured, ", Short(alone),
                      correction.IsOfPair() ? " one by one" : " by the model");
}

std::string PredictionWarning(const PredictionCheck& check) {
  if (check.Holds() || !IsLarge(check)) return "";
  const std::optional<double> ratio = check.Ratio();
  std::string text =
      absl::StrCat("the answer is the best of the model only: it predicts a divergence of ",
                   Short(check.predicted), ", and ", Short(check.measured), " was measured on the ",
                   check.on_held_out ? "held-out" : "calibration", " samples",
                   ratio.has_value() ? absl::StrCat(", ", Short(*ratio), " times as much") : "");
  if (!check.responsible.empty()) {
    std::vector<std::string> named;
    for (size_t i = 0; i < std::min(kMostNamed, check.responsible.size()); ++i) {
      named.push_back(CorrectionText(check.responsible[i]));
    }
    absl::StrAppend(&text, "; responsible for a part of it: ", absl::StrJoin(named, "; "));
  }
  if (check.is_unexplained) text += "; no few layers account for the rest";
  return text;
}

json PredictionCheckToJson(const PredictionCheck& check) {
  json object = MembersToJson(kCheckMembers, check);
  object["holds"] = check.Holds();
  object["ratio"] = MemberToJson(check.Ratio());
  object["responsible"] = json::array();
  for (const Correction& correction : check.responsible) {
    object["responsible"].push_back(CorrectionToJson(correction));
  }
  return object;
}

absl::StatusOr<PredictionCheck> PredictionCheckFromJson(const json& object) {
  PredictionCheck check;
  JsonFields fields(object, "prediction");
  ReadMembers(kCheckMembers, fields, &check);
  fields.ReadEach("responsible", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(check.responsible.emplace_back(), CorrectionFromJson(element));
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return check;
}

}  // namespace halftone
