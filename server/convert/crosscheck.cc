#include "server/convert/crosscheck.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/convert/input_binding.h"
#include "server/convert/output_heads.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

// No SearchSpec begins so: as a tag, 'c' would open a group, which it does not have.
constexpr absl::string_view kTag = "crosscheck:";
constexpr int kMaxEstimators = 32;
constexpr size_t kMaxNameBytes = 64;
constexpr int64_t kMaxAssignments = 10'000;
constexpr int64_t kMaxSamples = int64_t{1} << 40;

absl::Status ReadInputs(const v1::CrosscheckSpec& spec, CrosscheckSpec& out) {
  HT_ASSIGN_FIELD(out.model, "model", ParseModelName(spec.model()));
  HT_ASSIGN_FIELD(out.calibration, "calibration_dataset",
                  ParseDatasetName(spec.calibration_dataset()));
  HT_ASSIGN_FIELD(out.evaluation, "evaluation_dataset",
                  ParseDatasetName(spec.evaluation_dataset()));
  return absl::OkStatus();
}

absl::Status ReadEstimators(const v1::CrosscheckSpec& spec, CrosscheckSpec& out) {
  if (spec.estimators_size() > kMaxEstimators) {
    return AtField("estimators",
                   absl::InvalidArgumentError(absl::StrCat(
                       spec.estimators_size(), " are too many, the limit is ", kMaxEstimators)));
  }
  for (int i = 0; i < spec.estimators_size(); ++i) {
    const std::string field = absl::StrCat("estimators[", i, "]");
    const std::string& name = spec.estimators(i);
    HT_RETURN_IF_ERROR(AtField(field, CheckLength("estimator", name, kMaxNameBytes)));
    HT_RETURN_IF_ERROR(AtField(field, FindEstimator(name).status()));
    out.estimators.push_back(name);
  }
  return absl::OkStatus();
}

absl::Status ReadDamage(absl::string_view field, double value, double* out) {
  if (value == 0) return absl::OkStatus();
  if (!std::isfinite(value) || value < 0) {
    return AtField(field, absl::InvalidArgumentError(absl::StrCat(value, " is not positive")));
  }
  *out = value;
  return absl::OkStatus();
}

template <typename Optional, typename Setter>
void SetIfKnown(const Optional& value, const Setter& set) {
  if (value.has_value()) set(*value);
}

v1::EstimatorScore ScoreToProto(const EstimatorScore& score) {
  v1::EstimatorScore out;
  out.set_name(score.name);
  out.set_error(CleanText(score.error));
  out.set_predicts_divergence(score.predicts_divergence);
  SetIfKnown(score.spearman, [&](double value) { out.set_spearman(value); });
  SetIfKnown(score.kendall, [&](double value) { out.set_kendall(value); });
  SetIfKnown(score.executed_spearman, [&](double value) { out.set_executed_spearman(value); });
  SetIfKnown(score.accuracy_spearman, [&](double value) { out.set_accuracy_spearman(value); });
  SetIfKnown(score.accuracy_kendall, [&](double value) { out.set_accuracy_kendall(value); });
  SetIfKnown(score.median_ratio, [&](double value) { out.set_median_ratio(value); });
  SetIfKnown(score.log_ratio_std, [&](double value) { out.set_log_ratio_std(value); });
  out.set_seconds(score.seconds);
  return out;
}

}  // namespace

absl::StatusOr<CrosscheckSpec> CrosscheckFromProto(const v1::CrosscheckSpec& spec) {
  CrosscheckSpec out;
  HT_RETURN_IF_ERROR(ReadInputs(spec, out));
  HT_ASSIGN_FIELD(out.precisions, "precisions", PrecisionsFromProto(spec.precisions()));
  HT_RETURN_IF_ERROR(ReadEstimators(spec, out));
  HT_ASSIGN_FIELD(out.assignments, "assignments",
                  CountFromProto(spec.assignments(), out.assignments, kMaxAssignments));
  HT_RETURN_IF_ERROR(ReadDamage("min_damage", spec.min_damage(), &out.min_damage));
  HT_RETURN_IF_ERROR(ReadDamage("max_damage", spec.max_damage(), &out.max_damage));
  HT_ASSIGN_FIELD(out.evaluation_samples, "evaluation_samples",
                  CountFromProto(spec.evaluation_samples(), out.evaluation_samples, kMaxSamples));
  HT_RETURN_IF_ERROR(AtField("target", CheckLength("target", spec.target(), kMaxNameBytes)));
  out.target = spec.target();
  HT_ASSIGN_FIELD(out.inputs, "inputs", InputBindingFromProto(spec.inputs()));
  HT_ASSIGN_FIELD(out.heads, "heads", HeadsFromProto(spec.heads()));
  out.seed = spec.seed();
  const int64_t samples = out.sensitivity.samples;
  HT_ASSIGN_FIELD(out.sensitivity, "sensitivity", SensitivityFromProto(spec.sensitivity()));
  if (spec.sensitivity().samples() == 0) out.sensitivity.samples = samples;
  HT_RETURN_IF_ERROR(CheckCrosscheckSpec(out));
  return out;
}

v1::CrosscheckResult CrosscheckResultToProto(const CrosscheckResult& result) {
  v1::CrosscheckResult out;
  out.set_output_metric(result.output_metric);
  out.set_samples(result.samples);
  out.set_evaluation_samples(result.evaluation_samples);
  out.set_assignments(static_cast<int32_t>(result.assignments.size()));
  out.set_tried(result.tried);
  out.set_evaluation_seconds(result.evaluation_seconds);
  SetIfKnown(result.float_accuracy, [&](double value) { out.set_float_accuracy(value); });
  for (const EstimatorScore& score : result.estimators) {
    *out.add_estimators() = ScoreToProto(score);
  }
  return out;
}

v1::CrosscheckSpec Summary(const v1::CrosscheckSpec& spec) {
  v1::CrosscheckSpec out;
  out.set_model(spec.model());
  out.set_calibration_dataset(spec.calibration_dataset());
  out.set_evaluation_dataset(spec.evaluation_dataset());
  out.set_target(spec.target());
  return out;
}

std::string SerializeCrosscheck(const v1::CrosscheckSpec& spec) {
  return absl::StrCat(kTag, spec.SerializeAsString());
}

bool IsCrosscheck(absl::string_view stored_spec) { return absl::StartsWith(stored_spec, kTag); }

absl::StatusOr<v1::CrosscheckSpec> ParseCrosscheck(absl::string_view stored_spec) {
  v1::CrosscheckSpec spec;
  if (!IsCrosscheck(stored_spec) ||
      !spec.ParseFromString(std::string(stored_spec.substr(kTag.size())))) {
    return absl::DataLossError("the stored spec is damaged");
  }
  return spec;
}

}  // namespace halftone
