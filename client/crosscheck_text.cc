#include "client/crosscheck_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/terminal.h"

namespace halftone {
namespace {

std::string Figure(bool known, double value) {
  return known ? absl::StrFormat("%.3f", value) : "-";
}

std::vector<std::string> Row(const v1::EstimatorScore& score) {
  return {score.name(),
          Figure(score.has_spearman(), score.spearman()),
          Figure(score.has_kendall(), score.kendall()),
          Figure(score.has_accuracy_spearman(), score.accuracy_spearman()),
          Figure(score.has_accuracy_kendall(), score.accuracy_kendall()),
          Figure(score.has_median_ratio(), score.median_ratio()),
          Figure(score.has_log_ratio_std(), score.log_ratio_std()),
          absl::StrFormat("%.2f s", score.seconds())};
}

}  // namespace

std::string CrosscheckText(const v1::SearchResult& result,
                           const std::map<std::string, std::string>& artifacts) {
  const v1::CrosscheckResult& crosscheck = result.crosscheck();
  Table table({"estimator", "Spearman", "Kendall", "accuracy: Spearman", "Kendall", "median ratio",
               "log spread", "time"});
  std::string errors;
  for (const v1::EstimatorScore& score : crosscheck.estimators()) {
    table.Add(Row(score));
    if (!score.error().empty()) {
      absl::StrAppend(&errors, score.name(), " does not apply: ", score.error(), "\n");
    }
  }
  std::string text = absl::StrCat(
      result.job(), ": ", crosscheck.assignments(), " random assignments (", crosscheck.tried(),
      " evaluated in ", FormatSeconds(crosscheck.evaluation_seconds()), ") on ",
      crosscheck.evaluation_samples(), " held-out samples; estimators on ", crosscheck.samples(),
      "\n\n", table.Render(), errors, "\nranks against the measured ", crosscheck.output_metric(),
      " and the lost accuracy; ratio: predicted over measured, its median and the standard "
      "deviation of its logarithm\n");
  for (const auto& [file, path] : artifacts) absl::StrAppend(&text, file, ": ", path, "\n");
  return text;
}

}  // namespace halftone
