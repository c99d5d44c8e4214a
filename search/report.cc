#include "search/report.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/html.h"
#include "base/units.h"
#include "search/cost_text.h"
#include "search/explanation_report.h"
#include "search/heads_report.h"
#include "search/search_spec.h"
#include "search/solver/problem.h"

namespace halftone {
namespace {

std::string Percent(double share) { return absl::StrFormat("%.2f %%", 100 * share); }

std::string NumberOrDash(const std::optional<double>& value) {
  return value.has_value() ? ShortNumber(*value) : "-";
}

const Costs& ShownCost(const SearchResult& result) {
  if (result.IsRefined()) return result.refined->cost;
  return result.solution.infeasible.has_value() ? result.solution.infeasible->nearest.cost
                                                : result.solution.cost;
}

std::string CostCards(const SearchResult& result) {
  std::string cards;
  for (const auto& [key, value] : ShownCost(result)) {
    const auto reference = result.reference_cost.find(key);
    if (reference == result.reference_cost.end()) continue;
    const std::string note =
        reference->second > 0
            ? absl::StrFormat("%.2fx of %s in %s", value / reference->second,
                              FormatCost(key, reference->second), result.reference.ToString())
            : "";
    cards += RenderCard(absl::StrCat("predicted ", MetricTitle(key)), FormatCost(key, value), note);
  }
  return cards;
}

// Of the network as it runs, beside the simulation's.
std::string ExecutedCard(const ExecutedEvaluation& executed, bool is_kl) {
  const std::string accuracy =
      executed.accuracy.has_value() ? absl::StrCat(", accuracy ", Percent(*executed.accuracy)) : "";
  return RenderCard(is_kl ? "KL divergence as it runs" : "divergence as it runs",
                    ShortNumber(executed.divergence),
                    absl::StrFormat("SQNR %.1f dB%s", executed.sqnr_db, accuracy));
}

std::string MeasuredCards(const SearchResult& result) {
  std::string cards;
  if (result.latency.measured.has_value() && result.latency.reference_measured.has_value()) {
    cards += RenderCard(
        "measured latency", FormatQuantity(Quantity::kTime, *result.latency.measured),
        absl::StrFormat("%.2fx of %s in %s",
                        *result.latency.measured / *result.latency.reference_measured,
                        FormatQuantity(Quantity::kTime, *result.latency.reference_measured),
                        result.reference.ToString()));
  }
  if (!result.evaluation.has_value()) return cards;
  const Evaluation& evaluation = *result.evaluation;
  const std::string on =
      absl::StrCat(evaluation.samples,
                   result.evaluated_on_held_out ? " held-out samples" : " calibration samples");
  if (evaluation.quantized_accuracy.has_value() && evaluation.float_accuracy.has_value()) {
    cards += RenderCard("measured accuracy", Percent(*evaluation.quantized_accuracy),
                        absl::StrCat("float ", Percent(*evaluation.float_accuracy), ", ", on));
  }
  const bool is_kl = CountsByKl(result);
  cards += RenderCard(is_kl ? "measured KL divergence" : "measured divergence",
                      ShortNumber(evaluation.divergence),
                      absl::StrFormat("SQNR %.1f dB", evaluation.sqnr_db));
  if (evaluation.executed.has_value()) cards += ExecutedCard(*evaluation.executed, is_kl);
  return cards;
}

// Layers of which the refined answer has another precision than the model's optimum; nothing where
// that is the answer.
std::optional<int> Departures(const SearchResult& result) {
  if (!result.IsRefined()) return std::nullopt;
  return CountDepartures(result);
}

std::string StatusText(const SearchResult& result) {
  const Solution& solution = result.solution;
  constexpr char kShown[] = "; shown is what was held to be better when it was evaluated";
  switch (solution.status) {
    case Solution::Status::kOptimal:
      return result.IsRefined() ? absl::StrCat("the optimum by the model is proven", kShown)
                                : "proven optimal";
    case Solution::Status::kFeasible:
      return result.IsRefined()
                 ? absl::StrFormat("the answer by the model is within %.2f %% of the optimum%s",
                                   100 * solution.gap, kShown)
                 : absl::StrFormat("within %.2f %% of the optimum", 100 * solution.gap);
    case Solution::Status::kInfeasible:
      break;
  }
  return absl::StrCat("the budgets cannot be met (",
                      absl::StrJoin(solution.infeasible.has_value() ? solution.infeasible->conflict
                                                                    : std::vector<std::string>(),
                                    ", "),
                      "); shown is the nearest assignment",
                      result.caveat.empty() ? "" : absl::StrCat("; but ", result.caveat));
}

// Of the network and the target. A graph may have no name, or one that its exporter gives to all.
std::string Title(const SearchResult& result) {
  constexpr size_t kShownDigits = 8;
  return absl::StrCat(
      result.model_name.empty() ? "network" : result.model_name,
      result.model.empty() ? "" : absl::StrCat(" (", result.model.substr(0, kShownDigits), ")"),
      " on ", result.target);
}

std::string Header(const SearchResult& result) {
  const Solution& solution = result.solution;
  const std::string loss = absl::StrCat("predicted ", result.measure.name);
  std::string html = absl::StrCat("<h1>", EscapeHtml(Title(result)), "</h1><p class=soft>",
                                  EscapeHtml(StatusText(result)), "</p>");
  html += "<div class=cards>";
  if (solution.status != Solution::Status::kInfeasible) {
    const std::string proof = absl::StrCat("lower bound ", ShortNumber(solution.lower_bound),
                                           ", gap ", ShortNumber(solution.gap));
    html += result.IsRefined() ? RenderCard(loss, ShortNumber(result.refined->loss),
                                            absl::StrCat("optimum by the model ",
                                                         ShortNumber(solution.loss), ", ", proof))
                               : RenderCard(loss, ShortNumber(solution.loss), proof);
  }
  html += CostCards(result) + MeasuredCards(result) + "</div>";
  return html;
}

std::string LayerRow(const LayerResult& layer) {
  const std::string executed = layer.executed_as == layer.precision
                                   ? ""
                                   : absl::StrCat(" as ", layer.executed_as.ToString());
  return absl::StrCat(
      "<tr><td class=text>", EscapeHtml(layer.name), "</td><td class=text>", EscapeHtml(layer.op),
      "</td><td class=text><span class=tag>", EscapeHtml(layer.precision.ToString()), "</span>",
      EscapeHtml(executed), "</td><td>", NumberOrDash(layer.loss), " &plusmn; ",
      NumberOrDash(layer.loss_stderr), "</td><td>",
      FormatQuantity(Quantity::kTime, layer.reference_latency_ns), "</td><td>",
      FormatQuantity(Quantity::kTime, layer.latency_ns), "</td><td>",
      FormatQuantity(Quantity::kSize, layer.weight_bytes), "</td><td class=text>",
      EscapeHtml(layer.tie_group), "</td><td class=text>", EscapeHtml(layer.implementation),
      layer.warning.empty() ? "" : absl::StrCat(" &#9888; ", EscapeHtml(layer.warning)),
      "</td></tr>");
}

std::string LayerTable(const SearchResult& result) {
  std::string html = absl::StrCat(
      "<h2>Layers</h2><div class=wide><table><tr><th class=text>layer<th class=text>op"
      "<th class=text>precision<th>",
      EscapeHtml(result.measure.name), "<th>", EscapeHtml(result.reference.ToString()),
      "<th>latency<th>weights<th class=text>tied as<th class=text>implementation</tr>");
  for (const LayerResult& layer : result.layers) html += LayerRow(layer);
  return html + "</table></div>";
}

// Where each evaluated assignment came from: how many, and what the least of them was measured to
// do.
std::string Sources(const Refinement& refined) {
  std::map<std::string, std::pair<int, double>> sources;
  for (const Refinement::Evaluated& evaluated : refined.evaluated) {
    auto& [count, least] =
        sources.emplace(evaluated.source, std::pair(0, evaluated.divergence)).first->second;
    ++count;
    least = std::min(least, evaluated.divergence);
  }
  std::string html =
      "<div class=wide><table><tr><th class=text>source<th>evaluated<th>least divergence</tr>";
  for (const auto& [source, found] : sources) {
    absl::StrAppend(&html, "<tr><td class=text>", EscapeHtml(source), "</td><td>", found.first,
                    "</td><td>", ShortNumber(found.second), "</td></tr>");
  }
  return html + "</table></div>";
}

// What the model says of the answer, beside what was measured, and what it had left out.
std::string Predictions(const SearchResult& result) {
  if (!result.prediction.has_value()) return "";
  const PredictionCheck& check = *result.prediction;
  std::string html = absl::StrCat(
      "<p>By the model, of whose losses the proof is, the answer's divergence is ",
      ShortNumber(check.predicted), "; ", ShortNumber(check.measured), " was measured.");
  if (!result.refined->corrections.empty()) {
    absl::StrAppend(&html, " The model counts ", result.refined->corrections.size(),
                    " measurements of what layers do together.");
  }
  if (check.factor != 1) {
    absl::StrAppend(&html, " Its losses are ", ShortNumber(check.factor),
                    " times what layers do one by one: so much more they do together.");
  }
  for (const Correction& correction : check.responsible) {
    absl::StrAppend(&html, " ", EscapeHtml(CorrectionText(correction)), ".");
  }
  return html + "</p>";
}

std::string RenderRefinement(const SearchResult& result) {
  if (!result.not_evaluated.empty()) {
    return absl::StrCat("<h2>Really evaluated</h2><p>Nothing: ", EscapeHtml(result.not_evaluated),
                        ".</p>");
  }
  if (!result.refined.has_value()) return "";
  const Refinement& refined = *result.refined;
  std::string html = absl::StrCat(
      "<h2>Really evaluated</h2><p>", refined.evaluated.size(),
      " assignments were quantized and run over the calibration samples. The model's optimum has a "
      "divergence of ",
      ShortNumber(refined.optimum_divergence), "; ");
  if (result.IsRefined()) {
    absl::StrAppend(
        &html, "the chosen one (", EscapeHtml(refined.source), ") has ",
        ShortNumber(refined.divergence), ", ",
        Percent(1 - refined.divergence / refined.optimum_divergence),
        " less. Layers, costs and measurements on this page are of that one, whose loss "
        "the model predicts to be ",
        ShortNumber(refined.loss),
        "; what is proven, the frontier and the explanation are of the "
        "model's optimum.");
  } else {
    html += "none is held to be better, and it is the answer.";
  }
  if (const Refinement::Evaluated* least = refined.LeastMeasured(); least != nullptr) {
    absl::StrAppend(&html, " The least measured is ", ShortNumber(least->divergence), " (",
                    EscapeHtml(least->source),
                    "): by all evaluations and their sampling errors, what was chosen is held to "
                    "be better.");
  }
  if (refined.is_exhausted) html += " No others were found within the budgets.";
  return absl::StrCat(html, "</p>", Predictions(result), Sources(refined));
}

std::string Budgets(const SearchResult& result) {
  const std::map<std::string, double> limits = BudgetsOf(result.problem);
  if (limits.empty()) return "";
  std::string html =
      "<h2>Budgets</h2><div class=wide><table><tr><th class=text>metric<th>limit<th>used</tr>";
  for (const auto& [key, limit] : limits) {
    const auto used = ShownCost(result).find(key);
    html += absl::StrCat("<tr><td class=text>", EscapeHtml(MetricTitle(key)), "</td><td>",
                         FormatCost(key, limit), "</td><td>",
                         used == ShownCost(result).end() ? "" : FormatCost(key, used->second),
                         "</td></tr>");
  }
  return html + "</table></div>";
}

std::string Origins(const SearchResult& result) {
  const DeviceInfo& device = result.device;
  std::string threads = device.threads > 0 ? absl::StrCat(device.threads, " threads") : "";
  std::string html =
      absl::StrCat("<h2>Where the numbers come from</h2><p>Costs: ", EscapeHtml(result.target),
                   ", ", EscapeHtml(device.name), ", ", EscapeHtml(device.isa), ", ",
                   EscapeHtml(device.library), " ", EscapeHtml(threads), ".</p>");
  absl::StrAppend(&html, "<p>", result.measure.name == "score" ? "Scores: " : "Losses: ",
                  EscapeHtml(result.measure.text),
                  ", one layer at a time, with one standard error. The search minimizes their "
                  "sum.</p>");
  for (const std::string& warning : result.warnings) {
    html += absl::StrCat("<p class=warn>", EscapeHtml(warning), "</p>");
  }
  return html;
}

}  // namespace

std::string RenderReport(const SearchResult& result) {
  std::string body = Header(result);
  const std::string frontier =
      RenderFrontier(result.solution, result.problem.frontier, result.problem.budgets);
  if (!frontier.empty()) {
    body +=
        absl::StrCat(result.measure.name == "score" ? "<h2>Score against " : "<h2>Loss against ",
                     EscapeHtml(MetricTitle(result.problem.frontier)), "</h2>", frontier);
  }
  if (result.codesign.has_value()) body += RenderCodesign(*result.codesign);
  absl::StrAppend(&body, LayerTable(result), Budgets(result), RenderHeads(result),
                  RenderRefinement(result), RenderExplanation(result.solution, Departures(result)),
                  Origins(result));
  return RenderPage(Title(result), body);
}

}  // namespace halftone
