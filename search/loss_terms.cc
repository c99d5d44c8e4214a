#include "search/loss_terms.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

// Whether standard errors that would count are not known.
bool LacksErrors(const SensitivityResult& sensitivity) {
  for (const LayerSensitivity& layer : sensitivity.layers) {
    for (const ChoiceLoss& choice : layer.choices) {
      if (!choice.loss_stderr.has_value()) return true;
    }
  }
  return false;
}

}  // namespace

double CountedLoss(const ChoiceLoss& choice, double robust) {
  return std::max(0.0, choice.loss + robust * choice.loss_stderr.value_or(0));
}

LossMeasure CountedMeasure(const SensitivityResult& sensitivity, const SearchSpec& spec) {
  LossMeasure measure = MeasureOf(sensitivity.method, sensitivity.output_metric);
  if (spec.robust > 0) {
    absl::StrAppend(&measure.text, ", plus ", spec.robust,
                    spec.robust == 1 ? " standard error" : " standard errors", " of each layer",
                    LacksErrors(sensitivity) ? " where they are known" : "");
  }
  if (!spec.rules.loss_factors.empty()) measure.text += ", times the loss factors";
  return measure;
}

std::string WhyNotEvaluated(const SearchSpec& spec) {
  if (!spec.rules.loss_factors.empty()) {
    return "with loss factors, what an evaluation measures is not what is sought; the model's "
           "optimum is the answer";
  }
  if (spec.evaluations == 0)
    return "no evaluation was asked for; the model's optimum is the answer";
  return "";
}

}  // namespace halftone
