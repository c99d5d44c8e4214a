#include "search/crosscheck/crosscheck_report.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/html.h"

namespace halftone {
namespace {

std::string Cell(const std::optional<double>& value) {
  return absl::StrCat("<td>", value.has_value() ? absl::StrFormat("%.3f", *value) : "-", "</td>");
}

std::string BestCard(const CrosscheckResult& result) {
  const auto best = std::max_element(result.estimators.begin(), result.estimators.end(),
                                     [](const EstimatorScore& a, const EstimatorScore& b) {
                                       return a.spearman.value_or(-2) < b.spearman.value_or(-2);
                                     });
  if (best == result.estimators.end() || !best->spearman.has_value()) return "";
  return RenderCard("best rank correlation", absl::StrFormat("%.3f", *best->spearman),
                    absl::StrCat("Spearman, ", best->name));
}

std::string Header(const CrosscheckResult& result) {
  const std::string name = result.model_name.empty() ? "network" : result.model_name;
  std::string html = absl::StrCat(
      "<h1>Crosscheck of ", EscapeHtml(name), "</h1><p class=soft>", result.assignments.size(),
      " random assignments, really quantized and measured on ", result.evaluation_samples,
      " held-out samples; predicted from ", result.samples,
      " calibration samples</p><div class=cards>", BestCard(result));
  html += RenderCard(
      "measured damage",
      absl::StrCat(ShortNumber(result.min_damage), " to ", ShortNumber(result.max_damage)),
      result.output_metric == "kl"    ? "KL divergence of the logits"
      : result.output_metric == "mse" ? "noise relative to the signal"
                                      : DivergenceText(result.output_metric));
  if (result.float_accuracy.has_value()) {
    html += RenderCard("float accuracy", absl::StrFormat("%.2f %%", 100 * *result.float_accuracy),
                       absl::StrCat(result.evaluation_samples, " held-out samples"));
  }
  html += RenderCard("evaluated", absl::StrCat(result.tried, " assignments"),
                     absl::StrFormat("%.1f s", result.evaluation_seconds));
  return html + "</div>";
}

std::string ScoreRow(const EstimatorScore& score) {
  const std::string name =
      absl::StrCat("<tr><td class=text><span class=tag>", EscapeHtml(score.name), "</span></td>");
  if (!score.error.empty()) {
    return absl::StrCat(name, "<td class=text colspan=7>", EscapeHtml(score.error), "</td></tr>");
  }
  return absl::StrCat(name, Cell(score.spearman), Cell(score.kendall),
                      Cell(score.accuracy_spearman), Cell(score.accuracy_kendall),
                      Cell(score.median_ratio), Cell(score.log_ratio_std), "<td>",
                      absl::StrFormat("%.2f s", score.seconds), "</td></tr>");
}

std::string ScoreTable(const CrosscheckResult& result) {
  std::string html = absl::StrCat(
      "<h2>Estimators</h2><div class=wide><table><tr><th class=text>estimator<th>Spearman, ",
      result.output_metric, "<th>Kendall, ", result.output_metric,
      "<th>Spearman, accuracy<th>Kendall, accuracy<th>median ratio"
      "<th>log spread<th>time</tr>");
  for (const EstimatorScore& score : result.estimators) html += ScoreRow(score);
  return html + "</table></div>";
}

std::string Origins(const CrosscheckResult& result) {
  std::string html = absl::StrCat(
      "<h2>Where the numbers come from</h2><p>Each assignment gives every layer a precision at "
      "random (seed ",
      result.seed, ", ", result.precisions.size(),
      " precisions), drawn so that the measured damage fills its range evenly on a logarithmic "
      "scale, with no estimator's help. The correlations are of ranks: with the measured ",
      result.output_metric,
      ", and with the accuracy that was lost. The ratio, predicted over measured, and the standard "
      "deviation of its logarithm are given for estimators that predict the "
      "divergence itself.</p>");
  for (const std::string& warning : result.warnings) {
    absl::StrAppend(&html, "<p class=warn>", EscapeHtml(warning), "</p>");
  }
  return html;
}

}  // namespace

std::string RenderCrosscheck(const CrosscheckResult& result) {
  return RenderPage(
      absl::StrCat("crosscheck of ", result.model_name),
      absl::StrCat(Header(result), ScoreTable(result), "<h2>Predicted against measured</h2>",
                   RenderScatter(result), Origins(result)));
}

}  // namespace halftone
