#include "client/result_text.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/departures.h"
#include "base/units.h"
#include "client/analysis_text.h"
#include "client/budget_text.h"
#include "client/codesign_text.h"
#include "client/exported_text.h"
#include "client/heads_text.h"
#include "client/job_text.h"
#include "client/json_values.h"
#include "client/prediction_text.h"
#include "client/solution_text.h"
#include "client/strategy_text.h"
#include "client/terminal.h"
#include "client/warnings.h"

namespace halftone {
namespace {

// SearchResult.chosen where the answer is not the model's optimum.
constexpr char kRefined[] = "refined";

using nlohmann::json;

std::string Time(double ns) { return FormatQuantity(Quantity::kTime, ns); }

std::string DeviceText(const v1::Device& device) {
  std::vector<std::string> parts;
  for (const std::string& part : {device.name(), device.isa(), device.library()}) {
    if (!part.empty()) parts.push_back(part);
  }
  if (device.threads() > 0) parts.push_back(absl::StrCat(device.threads(), " threads"));
  return absl::StrJoin(parts, ", ");
}

// What a loss is called, which is none where an estimator only ranks; `document` is the result's.
std::string LossName(const json& document) {
  const std::string name =
      document.is_object() ? TextIn(document.value("measure", json()), "name") : "";
  return name.empty() ? "loss" : name;
}

std::string MeasureLine(const json& document) {
  const std::string text =
      document.is_object() ? TextIn(document.value("measure", json()), "text") : "";
  return text.empty() ? "" : absl::StrCat(LossName(document), ": ", text, "\n");
}

std::string LayerTable(const v1::SearchResult& result, const json& document) {
  Table table(
      {"layer", "op", "precision", LossName(document), "+-", "before", "after", "implementation"});
  for (const v1::LayerResult& layer : result.layers()) {
    const bool other = !layer.executed_as().empty() && layer.executed_as() != layer.precision();
    table.Add({layer.layer(), layer.op(),
               other ? absl::StrCat(layer.precision(), " (as ", layer.executed_as(), ")")
                     : layer.precision(),
               layer.has_loss() ? FormatNumber(layer.loss()) : "-",
               layer.has_loss_stderr() ? FormatNumber(layer.loss_stderr()) : "-",
               Time(layer.reference_latency_ns()), Time(layer.latency_ns()),
               layer.implementation()});
  }
  return absl::StrCat(table.Render(), MeasureLine(document));
}

std::string CostTable(const v1::SearchResult& result, const v1::FrontierPoint* nearest) {
  Table table({"cost", "reference", nearest == nullptr ? "chosen" : "nearest", "budget"});
  std::map<std::string, double> chosen;
  if (nearest == nullptr) {
    const auto& cost =
        result.chosen() == kRefined ? result.refined().cost() : result.solution().cost();
    chosen.insert(cost.begin(), cost.end());
  } else {
    chosen.insert(nearest->cost().begin(), nearest->cost().end());
  }
  for (const auto& [metric, value] : chosen) {
    if (IsPartOfThePeak(metric)) continue;
    const auto reference = result.reference_cost().find(metric);
    const auto budget = result.budgets().find(metric);
    table.Add(
        {metric,
         reference != result.reference_cost().end() ? CostText(metric, reference->second) : "-",
         CostText(metric, value),
         budget != result.budgets().end() ? CostText(metric, budget->second) : "-"});
  }
  return table.Render();
}

std::string LatencyText(const v1::LatencyResult& latency, const std::string& reference) {
  std::string text = absl::StrCat("latency      predicted ", Time(latency.predicted_ns()), " (",
                                  reference, " ", Time(latency.reference_predicted_ns()), ")");
  if (latency.has_measured_ns()) {
    absl::StrAppend(&text, ", measured ", Time(latency.measured_ns()));
    if (latency.has_reference_measured_ns()) {
      absl::StrAppend(&text, " (", reference, " ", Time(latency.reference_measured_ns()), ")");
    }
  }
  return text + "\n";
}

std::string EvaluationLine(const v1::Evaluation& evaluation, const json& document) {
  const std::string where = absl::StrCat(
      evaluation.samples(), evaluation.held_out() ? " held-out" : " calibration", " samples");
  std::string text;
  if (evaluation.has_quantized_accuracy()) {
    absl::StrAppend(&text, "accuracy     ", FormatPercent(evaluation.float_accuracy()), " before, ",
                    FormatPercent(evaluation.quantized_accuracy()), " after, on ", where, "\n");
  }
  absl::StrAppend(&text, "divergence   ", KlText(document, evaluation.kl()), "MSE ",
                  FormatNumber(evaluation.mse()), ", SQNR ", FormatNumber(evaluation.sqnr_db()),
                  " dB, on ", where, "\n");
  if (!evaluation.has_executed()) return text;
  const v1::ExecutedEvaluation& executed = evaluation.executed();
  absl::StrAppend(&text, "executed     ");
  if (executed.has_accuracy()) {
    absl::StrAppend(&text, "accuracy ", FormatPercent(executed.accuracy()), ", ");
  }
  absl::StrAppend(&text, KlText(document, executed.kl()), "MSE ", FormatNumber(executed.mse()),
                  ", SQNR ", FormatNumber(executed.sqnr_db()), " dB, as it was timed\n");
  return text;
}

// What searches over measured truth found beside the answer.
std::string StrategiesText(const json& document) {
  std::string text;
  if (!document.is_object()) return text;
  const json refined = document.value("refined", json::object());
  if (refined.is_object() && refined.contains("evolution")) {
    absl::StrAppend(&text, "\n", EvolutionText(refined["evolution"]));
  }
  if (document.contains("exploration")) text += ExplorationText(document["exploration"]);
  return text;
}

// Where something was measured to do less than what was chosen: what, and why not that.
std::string LeastMeasuredLine(const json& evaluated, double divergence) {
  double least = divergence;
  std::string source;
  for (const json& one : evaluated) {
    const double measured = NumberIn(one, "divergence").value_or(divergence);
    if (measured >= least) continue;
    least = measured;
    source = TextIn(one, "source");
  }
  if (least >= divergence) return "";
  return absl::StrCat("             the least measured is ", FormatNumber(least), " (", source,
                      "): by all evaluations and their sampling errors, what was chosen is held to "
                      "be better\n");
}

// `document`: the same in the result's.
std::string RefinementText(const v1::Refinement& refined, bool is_chosen, const json& document) {
  const double optimum = refined.optimum_divergence();
  const bool is_exhausted =
      document.is_object() && document.value("is_exhausted", json(false)) == json(true);
  const bool has_parts = NumberOrZero(document, "partial_evaluations") > 0;
  std::string text =
      absl::StrCat("evaluated    ", refined.evaluations(), " assignments",
                   has_parts ? " and parts of some" : "", " on the calibration samples",
                   is_exhausted ? " (no others were found within the budgets)" : "",
                   ": the model's optimum does ", FormatNumber(optimum));
  text += is_chosen ? absl::StrCat("; chosen (", refined.source(),
                                   "): ", FormatNumber(refined.divergence()), ", ",
                                   FormatPercent(1 - refined.divergence() / optimum), " less\n")
                    : ", none is held to be better; it was chosen\n";
  return text + LeastMeasuredLine(ListIn(document, "evaluated"), refined.divergence());
}

std::string SolverLine(const v1::SearchResult& result, const std::string& loss, bool is_refined) {
  const v1::Solution& solution = result.solution();
  if (solution.status() == v1::SOLUTION_STATUS_INFEASIBLE) {
    return absl::StrCat("solver       ", StatusText(solution.status()),
                        "; the nearest assignment has a ", loss, " of ",
                        FormatNumber(solution.infeasible().nearest().loss()), ", ",
                        FormatSeconds(solution.solve_seconds()), "\n");
  }
  std::string text = absl::StrCat(
      "solver       ", StatusText(solution.status()), " for the model, ", loss, " ",
      FormatNumber(solution.loss()), ", bound ", FormatNumber(solution.lower_bound()), ", gap ",
      FormatPercent(solution.gap()), ", ", FormatSeconds(solution.solve_seconds()), ", ",
      solution.frontier_size(), " points on the frontier");
  if (is_refined) {
    absl::StrAppend(&text, "; of the model's optimum (by the model, what was chosen has a ", loss,
                    " of ", FormatNumber(result.refined().loss()), ")");
  }
  return text + "\n";
}

// Layers of which the refined answer has another precision than the model's optimum. Servers of an
// earlier version do not say how many of them are another name of the same.
int DeparturesOf(const v1::SearchResult& result, const json& document) {
  const std::optional<double> told = NumberIn(document, "departures");
  if (told.has_value()) return static_cast<int>(*told);
  return CountDepartures(result.refined().assignment(), result.solution().assignment());
}

// Of the model's optimum, whichever answer was chosen.
std::string SearchExplanation(const v1::SearchResult& result, const json& document,
                              const json& explanation, bool is_refined) {
  const double loss = result.solution().loss();
  if (!is_refined) return absl::StrCat("\n", ExplanationText(explanation, loss));
  const int departures = DeparturesOf(result, document);
  return absl::StrCat("\nwhy the model's optimum, from which what was chosen departs in ",
                      departures, departures == 1 ? " layer\n" : " layers\n",
                      ExplanationText(explanation, loss, "optimum"));
}

// The solution's fields at the top, but for those of the chosen answer, which servers of an earlier
// version leave to where it is.
void AddAnswer(json& document) {
  const json solution = document.value("solution", json::object());  // a crosscheck has none
  if (!solution.is_object()) return;
  const bool is_told = document.contains("assignment");
  for (const char* field : {"status", "lower_bound", "infeasible", "explanation"}) {
    if (solution.contains(field)) document[field] = solution.at(field);
  }
  if (is_told) return;
  for (const char* field : {"loss", "gap", "cost", "assignment"}) {
    if (solution.contains(field)) document[field] = solution.at(field);
  }
  const json refined = document.value("refined", json::object());
  if (TextIn(document, "chosen") != kRefined || !refined.is_object()) return;
  for (const char* field : {"loss", "cost", "assignment"}) {
    if (refined.contains(field)) document[field] = refined.at(field);
  }
  const double loss = NumberOrZero(document, "loss");
  const double bound = NumberIn(document, "lower_bound").value_or(loss);
  document["gap"] = std::max(0.0, loss - bound) / std::max(std::abs(loss), 1e-300);
}

}  // namespace

json ResultToJson(const v1::SearchResult& result,
                  const std::map<std::string, std::string>& artifacts) {
  json document = json::parse(result.result_json(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) document = json::object();
  AddAnswer(document);
  document["job"] = result.job();
  document["artifacts"] = artifacts;
  return document;
}

std::string ResultText(const v1::SearchResult& result,
                       const std::map<std::string, std::string>& artifacts) {
  const json document = json::parse(result.result_json(), nullptr, /*allow_exceptions=*/false);
  const json found =
      document.is_object() ? document.value("solution", json::object()) : json::object();
  const v1::Solution& solution = result.solution();
  const bool infeasible = solution.status() == v1::SOLUTION_STATUS_INFEASIBLE;
  std::string text = absl::StrCat(result.job(), " on ", result.target(), ": ",
                                  DeviceText(result.device()), "\n\n");
  if (infeasible) {
    absl::StrAppend(
        &text,
        InfeasibleText(found.value("infeasible", json::object()), TextIn(document, "caveat")),
        "What follows is the nearest assignment.\n\n");
  }
  absl::StrAppend(&text, LayerTable(result, document), "\n",
                  CostTable(result, infeasible ? &solution.infeasible().nearest() : nullptr),
                  RelativeBudgetsText(document), "\n",
                  LatencyText(result.latency(), result.reference_precision()));
  if (result.has_evaluation()) text += EvaluationLine(result.evaluation(), document);
  text += HeadsText(document);
  // Those of layers, and of what was run and timed, are among them.
  text += WarningLines(WarningsOf(document));
  const bool is_refined = result.has_refined() && result.chosen() == kRefined;
  text += SolverLine(result, LossName(document), is_refined);
  text += AnswerPredictionText(document);
  if (result.has_refined()) {
    const json none;
    const auto refined = document.is_object() ? document.value("refined", none) : none;
    text += RefinementText(result.refined(), is_refined, refined);
  }
  if (const std::string why = TextIn(document, "not_evaluated"); !why.empty()) {
    absl::StrAppend(&text, "evaluated    nothing: ", why, "\n");
  }
  if (found.contains("explanation")) {
    text += SearchExplanation(result, document, found["explanation"], is_refined);
  }
  if (document.is_object() && document.contains("stability")) {
    absl::StrAppend(&text, "\n", StabilityText(document["stability"]));
  }
  if (document.is_object() && document.contains("codesign")) {
    absl::StrAppend(&text, "\n", CodesignText(document["codesign"]));
  }
  text += StrategiesText(document);
  for (const auto& [file, path] : artifacts) absl::StrAppend(&text, file, ": ", path, "\n");
  if (document.is_object() && document.contains("exported")) {
    text += ExportedText(document["exported"], document.value("assignment", json::object()));
  }
  return text;
}

}  // namespace halftone
