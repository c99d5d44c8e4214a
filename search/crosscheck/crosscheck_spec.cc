#include "search/crosscheck/crosscheck_spec.h"

#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/crosscheck/estimators.h"
#include "search/input_binding_json.h"

namespace halftone {
namespace {

constexpr int kMaxAssignments = 10'000;
constexpr size_t kMaxPrecisions = 64;

}  // namespace

std::vector<Precision> CrosscheckPrecisions() {
  std::vector<Precision> precisions;
  for (int weight_bits = 2; weight_bits <= 8; ++weight_bits) {
    for (int activation_bits = 2; activation_bits <= 8; ++activation_bits) {
      precisions.push_back(Precision::Int(weight_bits, activation_bits));
    }
  }
  return precisions;
}

absl::Status CheckCrosscheckSpec(const CrosscheckSpec& spec) {
  if (spec.model.empty()) return absl::InvalidArgumentError("the crosscheck names no model");
  if (spec.calibration.empty()) {
    return absl::InvalidArgumentError("the crosscheck names no calibration data");
  }
  if (spec.evaluation.empty()) {
    return absl::InvalidArgumentError("the crosscheck names no evaluation data");
  }
  if (spec.assignments < 1 || spec.assignments > kMaxAssignments) {
    return AtField("assignments", absl::InvalidArgumentError(absl::StrCat(
                                      spec.assignments, " is not in 1 to ", kMaxAssignments)));
  }
  if (!std::isfinite(spec.min_damage) || !std::isfinite(spec.max_damage) || spec.min_damage <= 0 ||
      spec.min_damage >= spec.max_damage) {
    return AtField("min_damage", absl::InvalidArgumentError(absl::StrCat(
                                     "the range of damage, ", spec.min_damage, " to ",
                                     spec.max_damage, ", does not rise from a positive number")));
  }
  if (spec.precisions.size() == 1 || spec.precisions.size() > kMaxPrecisions) {
    return AtField("precisions", absl::InvalidArgumentError(
                                     absl::StrCat("to draw from 2 to ", kMaxPrecisions,
                                                  " are needed, not ", spec.precisions.size())));
  }
  if (spec.evaluation_samples < 0) {
    return AtField("evaluation_samples", absl::InvalidArgumentError(absl::StrCat(
                                             spec.evaluation_samples, " is negative")));
  }
  std::set<std::string> names;
  for (size_t i = 0; i < spec.estimators.size(); ++i) {
    const std::string& name = spec.estimators[i];
    const std::string field = absl::StrCat("estimators[", i, "]");
    HT_RETURN_IF_ERROR(AtField(field, FindEstimator(name).status()));
    if (!names.insert(name).second) {
      return AtField(
          field, absl::InvalidArgumentError(absl::StrCat("estimator '", name, "' is named twice")));
    }
  }
  return absl::OkStatus();
}

nlohmann::json CrosscheckSpecToJson(const CrosscheckSpec& spec) {
  nlohmann::json object = {{"model", spec.model},
                           {"calibration", spec.calibration},
                           {"evaluation", spec.evaluation},
                           {"precisions", nlohmann::json::array()},
                           {"estimators", spec.estimators},
                           {"assignments", spec.assignments},
                           {"min_damage", spec.min_damage},
                           {"max_damage", spec.max_damage},
                           {"evaluation_samples", spec.evaluation_samples},
                           {"seed", spec.seed},
                           {"quantization", QuantizationOptionsToJson(spec.quantization)},
                           {"sensitivity", SensitivityOptionsToJson(spec.sensitivity)}};
  if (!spec.target.empty()) object["target"] = spec.target;
  if (spec.inputs != InputBinding()) object["inputs"] = InputBindingToJson(spec.inputs);
  if (!spec.heads.empty()) object["heads"] = AskedHeadsToJson(spec.heads);
  for (const Precision& precision : spec.precisions) {
    object["precisions"].push_back(precision.ToString());
  }
  return object;
}

}  // namespace halftone
