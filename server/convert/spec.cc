#include "server/convert/spec.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "search/effort.h"
#include "server/convert/input_binding.h"
#include "server/convert/layer_rules.h"
#include "server/convert/output_heads.h"
#include "server/convert/resource_name.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

constexpr int kMaxPrecisions = 64;
constexpr int kMaxPins = 100'000;
constexpr size_t kMaxNameBytes = 4096;
constexpr int64_t kMaxBatch = 4096;
constexpr int64_t kMaxThreads = 1024;
constexpr int64_t kMaxSamples = int64_t{1} << 40;
constexpr int64_t kMaxDraws = 4096;
constexpr int64_t kMaxResamples = 10'000;
constexpr int64_t kMaxProbes = 1'000'000;
constexpr int64_t kMaxEigenvalues = 64;

SensitivityMethod MethodOf(v1::SensitivityMethod method, SensitivityMethod fallback) {
  switch (method) {
    case v1::SENSITIVITY_METHOD_FISHER:
      return SensitivityMethod::kFisher;
    case v1::SENSITIVITY_METHOD_FISHER_CORRECTED:
      return SensitivityMethod::kFisherCorrected;
    case v1::SENSITIVITY_METHOD_HESSIAN_TRACE:
      return SensitivityMethod::kHessianTrace;
    case v1::SENSITIVITY_METHOD_HESSIAN_EIGENVALUE:
      return SensitivityMethod::kHessianEigenvalue;
    case v1::SENSITIVITY_METHOD_OUTPUT:
      return SensitivityMethod::kOutput;
    case v1::SENSITIVITY_METHOD_HESSIAN_TRACE_EXACT:
      return SensitivityMethod::kHessianTraceExact;
    case v1::SENSITIVITY_METHOD_HESSIAN_FORM:
      return SensitivityMethod::kHessianForm;
    case v1::SENSITIVITY_METHOD_HAWQ_V1:
      return SensitivityMethod::kHawqV1;
    case v1::SENSITIVITY_METHOD_HAWQ_V2:
      return SensitivityMethod::kHawqV2;
    case v1::SENSITIVITY_METHOD_HAWQ_V3:
      return SensitivityMethod::kHawqV3;
    case v1::SENSITIVITY_METHOD_SQNR:
      return SensitivityMethod::kSqnr;
    case v1::SENSITIVITY_METHOD_FISHER_ELEMENTWISE:
      return SensitivityMethod::kFisherElementwise;
    default:
      return fallback;
  }
}

LossKind LossOf(v1::LossKind loss) {
  switch (loss) {
    case v1::LOSS_KIND_CROSS_ENTROPY:
      return LossKind::kCrossEntropy;
    case v1::LOSS_KIND_KL:
      return LossKind::kKl;
    case v1::LOSS_KIND_MSE:
      return LossKind::kMse;
    default:
      return LossKind::kAuto;
  }
}

absl::Status ReadInputs(const v1::SearchSpec& spec, SearchSpec& out) {
  HT_ASSIGN_FIELD(out.model, "model", ParseModelName(spec.model()));
  HT_ASSIGN_FIELD(out.calibration, "calibration_dataset",
                  ParseDatasetName(spec.calibration_dataset()));
  if (!spec.evaluation_dataset().empty()) {
    HT_ASSIGN_FIELD(out.evaluation, "evaluation_dataset",
                    ParseDatasetName(spec.evaluation_dataset()));
  }
  if (!spec.target().empty()) out.target = spec.target();
  return AtField("target", CheckLength("target", out.target, kMaxNameBytes));
}

absl::Status ReadStrategy(const v1::SearchSpec& spec, SearchSpec& out) {
  if (!spec.strategy().empty()) {
    HT_RETURN_IF_ERROR(AtField("strategy", CheckLength("strategy", spec.strategy(), 64)));
    HT_ASSIGN_FIELD(out.strategy, "strategy", ParseSearchStrategy(spec.strategy()));
  }
  if (spec.objectives_size() > static_cast<int>(kMaxObjectives)) {
    return AtField("objectives",
                   absl::InvalidArgumentError(absl::StrCat(
                       spec.objectives_size(), " are too many, the limit is ", kMaxObjectives)));
  }
  for (int i = 0; i < spec.objectives_size(); ++i) {
    const std::string field = absl::StrCat("objectives[", i, "]");
    HT_RETURN_IF_ERROR(AtField(field, CheckLength("metric", spec.objectives(i), 64)));
    Metric metric = Metric::kLatency;
    HT_ASSIGN_FIELD(metric, field, ParseMetric(spec.objectives(i)));
    if (metric == Metric::kActivationMemory) {
      return AtField(field, absl::InvalidArgumentError(
                                "activation-memory is a maximum and no sum: it cannot be one"));
    }
    if (std::find(out.objectives.begin(), out.objectives.end(), metric) != out.objectives.end()) {
      return AtField(field, absl::InvalidArgumentError(
                                absl::StrCat(Quoted(spec.objectives(i)), " is there twice")));
    }
    out.objectives.push_back(metric);
  }
  return absl::OkStatus();
}

absl::Status ReadPins(const v1::SearchSpec& spec, SearchSpec& out) {
  std::map<std::string, Precision> pins;
  HT_ASSIGN_FIELD(pins, "pins", AssignmentFromProto(spec.pins()));
  for (const auto& [layer, precision] : pins) out.pins[layer] = precision.ToString();
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckLength(absl::string_view what, absl::string_view text, size_t most) {
  if (text.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", Quoted(text), " has more bytes than the limit, ", most));
}

absl::StatusOr<int64_t> CountFromProto(int64_t value, int64_t fallback, int64_t most) {
  if (value == 0) return fallback;
  if (value < 0 || value > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(value, " is not between 1 and ", most, " (or 0 for the default)"));
  }
  return value;
}

absl::StatusOr<absl::Duration> TimeLimitFromProto(double seconds, absl::Duration fallback) {
  if (seconds == 0) return fallback;
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 86400) {
    return absl::InvalidArgumentError(absl::StrCat(seconds, " is not between 0 and 86400 seconds"));
  }
  return absl::Seconds(seconds);
}

absl::StatusOr<std::vector<Precision>> PrecisionsFromProto(
    const google::protobuf::RepeatedPtrField<std::string>& precisions) {
  if (precisions.size() > kMaxPrecisions) {
    return absl::InvalidArgumentError(
        absl::StrCat(precisions.size(), " are too many, the limit is ", kMaxPrecisions));
  }
  std::vector<Precision> parsed;
  for (int i = 0; i < precisions.size(); ++i) {
    const std::string field = absl::StrCat("[", i, "]");
    HT_RETURN_IF_ERROR(AtField(field, CheckLength("precision", precisions[i], 64)));
    Precision precision;
    HT_ASSIGN_FIELD(precision, field,
                    WithReason(v1::PRECISION_INVALID, Precision::Parse(precisions[i])));
    for (const Precision& earlier : parsed) {
      if (earlier == precision) {
        return AtField(field, WithReason(v1::PRECISION_INVALID,
                                         absl::InvalidArgumentError(absl::StrCat(
                                             Quoted(precisions[i]), " is there twice"))));
      }
    }
    parsed.push_back(precision);
  }
  return parsed;
}

absl::Status CheckBudgetUnits(const google::protobuf::RepeatedPtrField<v1::Budget>& budgets) {
  for (int i = 0; i < budgets.size(); ++i) {
    const std::string &metric = budgets[i].metric(), &limit = budgets[i].limit();
    double number = 0;
    const bool is_plain = absl::SimpleAtod(limit, &number);
    if (!is_plain || number <= 0 || number >= 1) continue;
    HT_ASSIGN_OR_RETURN(const Budget budget, Budget::Parse(absl::StrCat(metric, "=", limit)));
    return AtField(absl::StrCat("budgets[", i, "]"),
                   WithReason(v1::BUDGET_INVALID,
                              absl::InvalidArgumentError(absl::StrCat(
                                  "budget '", metric, "=", limit, "' is ", budget.ToString(),
                                  "; was ", metric, "=", limit, "x meant?"))));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Budget>> BudgetsFromProto(
    const google::protobuf::RepeatedPtrField<v1::Budget>& budgets) {
  if (static_cast<size_t>(budgets.size()) > kMaxBudgets) {
    return absl::InvalidArgumentError(
        absl::StrCat(budgets.size(), " are too many, the limit is ", kMaxBudgets));
  }
  std::vector<Budget> parsed;
  for (int i = 0; i < budgets.size(); ++i) {
    const std::string field = absl::StrCat("[", i, "]");
    HT_RETURN_IF_ERROR(AtField(field, CheckLength("metric", budgets[i].metric(), 64)));
    HT_RETURN_IF_ERROR(AtField(field, CheckLength("limit", budgets[i].limit(), 64)));
    Budget budget;
    HT_ASSIGN_FIELD(budget, field,
                    Budget::Parse(absl::StrCat(budgets[i].metric(), "=", budgets[i].limit())));
    for (const Budget& earlier : parsed) {
      if (earlier.metric == budget.metric) {
        return AtField(field, absl::InvalidArgumentError(absl::StrCat(
                                  "metric '", budgets[i].metric(), "' has a budget already")));
      }
    }
    parsed.push_back(budget);
  }
  return parsed;
}

absl::StatusOr<std::map<std::string, Precision>> AssignmentFromProto(
    const google::protobuf::Map<std::string, std::string>& assignment) {
  if (assignment.size() > kMaxPins) {
    return absl::InvalidArgumentError(
        absl::StrCat(assignment.size(), " layers are too many, the limit is ", kMaxPins));
  }
  std::map<std::string, Precision> parsed;
  for (const auto& [layer, text] : assignment) {
    HT_RETURN_IF_ERROR(CheckLength("layer", layer, kMaxNameBytes));
    const std::string field = FieldEntry("", layer);
    HT_RETURN_IF_ERROR(AtField(field, CheckLength("precision", text, 64)));
    HT_ASSIGN_FIELD(parsed[layer], field,
                    WithReason(v1::PRECISION_INVALID, Precision::Parse(text)));
  }
  return parsed;
}

absl::StatusOr<SensitivityOptions> SensitivityFromProto(const v1::SensitivitySpec& spec,
                                                        const SensitivityOptions& defaults) {
  SensitivityOptions options = defaults;
  if (!v1::SensitivityMethod_IsValid(spec.method())) {
    return AtField("method", absl::InvalidArgumentError("unknown sensitivity method"));
  }
  if (!v1::LossKind_IsValid(spec.loss())) {
    return AtField("loss", absl::InvalidArgumentError("unknown loss"));
  }
  options.method = MethodOf(spec.method(), options.method);
  options.loss = LossOf(spec.loss());
  HT_ASSIGN_FIELD(options.samples, "samples",
                  CountFromProto(spec.samples(), options.samples, kMaxSamples));
  HT_ASSIGN_FIELD(options.draws, "draws", CountFromProto(spec.draws(), options.draws, kMaxDraws));
  HT_ASSIGN_FIELD(options.probes, "probes",
                  CountFromProto(spec.probes(), options.probes, kMaxProbes));
  HT_ASSIGN_FIELD(options.eigenvalues, "eigenvalues",
                  CountFromProto(spec.eigenvalues(), options.eigenvalues, kMaxEigenvalues));
  HT_ASSIGN_FIELD(
      options.network_eigenvalues, "network_eigenvalues",
      CountFromProto(spec.network_eigenvalues(), options.network_eigenvalues, kMaxEigenvalues));
  HT_ASSIGN_FIELD(options.batch, "batch", CountFromProto(spec.batch(), options.batch, kMaxBatch));
  HT_ASSIGN_FIELD(options.resamples, "resamples",
                  CountFromProto(spec.resamples(), options.resamples, kMaxResamples));
  if (!std::isfinite(spec.tolerance()) || spec.tolerance() < 0) {
    return AtField("tolerance", absl::InvalidArgumentError(
                                    absl::StrCat(spec.tolerance(), " is not a positive number")));
  }
  if (spec.tolerance() > 0) options.tolerance = spec.tolerance();
  options.seed = spec.seed();
  return options;
}

absl::StatusOr<SearchSpec> SpecFromProto(const v1::SearchSpec& spec) {
  SearchSpec out;
  if (!spec.effort().empty()) {
    HT_RETURN_IF_ERROR(AtField("effort", CheckLength("effort", spec.effort(), 64)));
    Effort effort = Effort::kNormal;
    HT_ASSIGN_FIELD(effort, "effort", ParseEffort(spec.effort()));
    out = SpecWithEffort(effort);
  }
  HT_RETURN_IF_ERROR(ReadInputs(spec, out));
  HT_ASSIGN_FIELD(out.precisions, "precisions", PrecisionsFromProto(spec.precisions()));
  HT_ASSIGN_FIELD(out.budgets, "budgets",
                  WithReason(v1::BUDGET_INVALID, BudgetsFromProto(spec.budgets())));
  if (!spec.frontier_metric().empty()) {
    HT_RETURN_IF_ERROR(
        AtField("frontier_metric", CheckLength("metric", spec.frontier_metric(), 64)));
    HT_ASSIGN_FIELD(out.frontier, "frontier_metric", ParseMetric(spec.frontier_metric()));
  }
  HT_RETURN_IF_ERROR(ReadPins(spec, out));
  HT_ASSIGN_FIELD(out.rules, "rules", LayerRulesFromProto(spec.rules()));
  out.explain = !spec.skip_explanation();
  out.use_ties = !spec.ignore_ties();
  HT_ASSIGN_FIELD(out.batch, "batch", CountFromProto(spec.batch(), out.batch, kMaxBatch));
  HT_ASSIGN_FIELD(out.threads, "threads", CountFromProto(spec.threads(), out.threads, kMaxThreads));
  out.refresh = spec.refresh();
  HT_ASSIGN_FIELD(out.sensitivity, "sensitivity",
                  SensitivityFromProto(spec.sensitivity(), out.sensitivity));
  out.samples_at_most = out.samples_at_most && spec.sensitivity().samples() == 0;
  HT_ASSIGN_FIELD(out.time_limit, "time_limit_seconds",
                  TimeLimitFromProto(spec.time_limit_seconds(), out.time_limit));
  if (spec.has_evaluations()) {
    if (spec.evaluations() < 0 || spec.evaluations() > kMaxEvaluations) {
      return AtField("evaluations", absl::InvalidArgumentError(absl::StrCat(
                                        spec.evaluations(), " is not in 0 to ", kMaxEvaluations)));
    }
    out.evaluations = spec.evaluations();
  }
  if (!(spec.robust() >= 0) || spec.robust() > kMaxRobust) {
    return AtField("robust", absl::InvalidArgumentError(
                                 absl::StrCat(spec.robust(), " is not in 0 to ", kMaxRobust)));
  }
  out.robust = spec.robust();
  HT_RETURN_IF_ERROR(ReadStrategy(spec, out));
  HT_ASSIGN_FIELD(out.inputs, "inputs", InputBindingFromProto(spec.inputs()));
  HT_ASSIGN_FIELD(out.heads, "heads", HeadsFromProto(spec.heads()));
  return out;
}

v1::SearchSpec Summary(const v1::SearchSpec& spec) {
  v1::SearchSpec out;
  out.set_model(spec.model());
  out.set_calibration_dataset(spec.calibration_dataset());
  out.set_evaluation_dataset(spec.evaluation_dataset());
  out.set_target(spec.target());
  *out.mutable_budgets() = spec.budgets();
  out.set_frontier_metric(spec.frontier_metric());
  out.set_strategy(spec.strategy());
  return out;
}

std::string SerializeSpec(const v1::SearchSpec& spec) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // equal maps, equal bytes
    spec.SerializeToCodedStream(&coded);
  }
  return bytes;
}

absl::StatusOr<v1::SearchSpec> ParseSpec(const std::string& bytes) {
  v1::SearchSpec spec;
  if (!spec.ParseFromString(bytes)) return absl::DataLossError("the stored spec is damaged");
  return spec;
}

}  // namespace halftone
