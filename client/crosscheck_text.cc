#include "client/crosscheck_text.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/heads_text.h"
#include "client/terminal.h"
#include "client/warnings.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

std::string Figure(bool known, double value) {
  return known ? absl::StrFormat("%.3f", value) : "-";
}

// The last column only where assignments were run on a target.
std::vector<std::string> Row(const v1::EstimatorScore& score, bool executed) {
  std::vector<std::string> row = {score.name(),
                                  Figure(score.has_spearman(), score.spearman()),
                                  Figure(score.has_kendall(), score.kendall()),
                                  Figure(score.has_accuracy_spearman(), score.accuracy_spearman()),
                                  Figure(score.has_accuracy_kendall(), score.accuracy_kendall()),
                                  Figure(score.has_median_ratio(), score.median_ratio()),
                                  Figure(score.has_log_ratio_std(), score.log_ratio_std()),
                                  absl::StrFormat("%.2f s", score.seconds())};
  if (executed) row.push_back(Figure(score.has_executed_spearman(), score.executed_spearman()));
  return row;
}

}  // namespace

std::string CrosscheckText(const v1::SearchResult& result,
                           const std::map<std::string, std::string>& artifacts) {
  const v1::CrosscheckResult& crosscheck = result.crosscheck();
  const bool executed =
      std::any_of(crosscheck.estimators().begin(), crosscheck.estimators().end(),
                  [](const v1::EstimatorScore& score) { return score.has_executed_spearman(); });
  std::vector<std::string> columns = {"estimator",          "Spearman", "Kendall",
                                      "accuracy: Spearman", "Kendall",  "median ratio",
                                      "log spread",         "time"};
  if (executed) columns.emplace_back("executed: Spearman");
  Table table(columns);
  std::string errors;
  for (const v1::EstimatorScore& score : crosscheck.estimators()) {
    table.Add(Row(score, executed));
    if (!score.error().empty()) {
      absl::StrAppend(&errors, score.name(), " does not apply: ", score.error(), "\n");
    }
  }
  const auto document =
      nlohmann::json::parse(result.result_json(), nullptr, /*allow_exceptions=*/false);
  std::string text = absl::StrCat(
      result.job(), ": ", crosscheck.assignments(), " random assignments (", crosscheck.tried(),
      " evaluated in ", FormatSeconds(crosscheck.evaluation_seconds()), ") on ",
      crosscheck.evaluation_samples(), " held-out samples; estimators on ", crosscheck.samples(),
      "\n\n", table.Render(), errors, "\nranks against the measured ", crosscheck.output_metric(),
      " and the lost accuracy; ratio: predicted over measured, its median and the standard "
      "deviation of its logarithm\n",
      HeadsText(document), WarningLines(WarningsOf(document)));
  for (const auto& [file, path] : artifacts) absl::StrAppend(&text, file, ": ", path, "\n");
  return text;
}

}  // namespace halftone
