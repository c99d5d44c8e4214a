#include "search/search_spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/enum_names.h"
#include "base/fewest_digits.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "base/units.h"
#include "nlohmann/json.hpp"
#include "search/input_binding_json.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr EnumName<Metric> kMetrics[] = {{Metric::kLatency, "latency"},
                                         {Metric::kSize, "size"},
                                         {Metric::kEnergy, "energy"},
                                         {Metric::kBops, "bops"},
                                         {Metric::kActivationMemory, "activation-memory"}};
constexpr EnumNames<Metric> kMetricNames("metric", kMetrics);
constexpr EnumName<SearchStrategy> kStrategies[] = {
    {SearchStrategy::kRefine, "refine"}, {SearchStrategy::kEvolutionary, "evolutionary"}};
constexpr EnumNames<SearchStrategy> kStrategyNames("strategy", kStrategies);

struct MetricFacts {
  Metric metric;
  const char* cost_key;
  Quantity quantity;
  const char* base_unit;
};
constexpr std::array<MetricFacts, 5> kFacts = {
    {{Metric::kLatency, "latency_ns", Quantity::kTime, "ns"},
     {Metric::kSize, "size_bytes", Quantity::kSize, "B"},
     {Metric::kEnergy, "energy_pj", Quantity::kEnergy, "pJ"},
     {Metric::kBops, "bops", Quantity::kCount, ""},
     {Metric::kActivationMemory, "activation_bytes", Quantity::kSize, "B"}}};

constexpr int kMaxTextLength = 4096;

const MetricFacts& FactsOf(Metric metric) {
  for (const MetricFacts& facts : kFacts) {
    if (facts.metric == metric) return facts;
  }
  return kFacts.front();
}

absl::StatusOr<double> ParseFactor(absl::string_view digits, absl::string_view text) {
  double value = 0;
  if (!absl::SimpleAtod(digits, &value) || !std::isfinite(value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget '", text, "': '", digits, "' is not a finite number"));
  }
  if (value < 0) {
    return absl::InvalidArgumentError(absl::StrCat("budget '", text, "' is negative"));
  }
  if (IsRoundedToZero(value, digits)) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget '", text, "': '", digits, "' is too small to be told from 0"));
  }
  return value;
}

absl::Status ParseLimit(absl::string_view limit, absl::string_view text, Budget* budget) {
  if (absl::EndsWith(limit, "x")) {
    budget->kind = Budget::Kind::kReference;
    HT_ASSIGN_OR_RETURN(budget->value, ParseFactor(limit.substr(0, limit.size() - 1), text));
    if (budget->value <= kMaxBudgetFactor) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("budget '", text, "' is more than ", kMaxBudgetFactor, "x"));
  }
  if (absl::EndsWith(limit, "%")) {
    budget->kind = Budget::Kind::kShare;
    HT_ASSIGN_OR_RETURN(const double percent, ParseFactor(limit.substr(0, limit.size() - 1), text));
    if (percent > 100) {
      return absl::InvalidArgumentError(absl::StrCat("budget '", text, "': more than 100%"));
    }
    budget->value = percent / 100;
    return absl::OkStatus();
  }
  budget->kind = Budget::Kind::kAbsolute;
  const absl::StatusOr<double> value = ParseQuantity(FactsOf(budget->metric).quantity, limit);
  if (!value.ok()) {
    // What is negative or too small is a number, though none that may stand here.
    const bool is_none = absl::StrContains(value.status().message(), "is not a finite number");
    return absl::InvalidArgumentError(
        absl::StrCat("budget '", text, "': ", value.status().message(),
                     is_none ? ", nor a factor like 0.4x, nor a share like 50%" : ""));
  }
  budget->value = *value;
  if (budget->value <= kMaxBudget) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("budget '", text, "' is more than ", kMaxBudget,
                                                 FactsOf(budget->metric).base_unit));
}

absl::Status CheckLength(absl::string_view what, const std::string& text) {
  if (text.size() <= kMaxTextLength) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is longer than ", kMaxTextLength, " characters"));
}

absl::Status ReadPrecisions(JsonFields& fields, SearchSpec* spec) {
  std::vector<std::string> names;
  fields.Read("precisions", &names);
  HT_RETURN_IF_ERROR(fields.status());
  spec->precisions.clear();
  if (names.empty()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(spec->precisions, ParsePrecisions(absl::StrJoin(names, ",")));
  return absl::OkStatus();
}

absl::Status ReadBudgets(JsonFields& fields, SearchSpec* spec) {
  std::vector<std::string> budgets;
  fields.Read("budgets", &budgets);
  HT_RETURN_IF_ERROR(fields.status());
  for (const std::string& text : budgets) {
    HT_ASSIGN_OR_RETURN(const Budget budget, Budget::Parse(text));
    spec->budgets.push_back(budget);
  }
  return absl::OkStatus();
}

absl::Status ReadStrategy(JsonFields& fields, SearchSpec* spec) {
  fields.ReadText("strategy", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(spec->strategy, ParseSearchStrategy(text));
    return absl::OkStatus();
  });
  std::vector<std::string> objectives;
  fields.Read("objectives", &objectives);
  HT_RETURN_IF_ERROR(fields.status());
  for (const std::string& text : objectives) {
    HT_ASSIGN_OR_RETURN(const Metric metric, ParseMetric(text));
    spec->objectives.push_back(metric);
  }
  return absl::OkStatus();
}

absl::Status ReadOptions(JsonFields& fields, SearchSpec* spec) {
  fields.ReadObject("quantization", QuantizationOptionsFromJson, &spec->quantization);
  fields.ReadObject("sensitivity", SensitivityOptionsFromJson, &spec->sensitivity);
  double seconds = absl::ToDoubleSeconds(spec->time_limit);
  fields.Read("time_limit_seconds", &seconds);
  HT_RETURN_IF_ERROR(fields.status());
  if (seconds < 0) return absl::InvalidArgumentError("field 'spec.time_limit_seconds' is negative");
  spec->time_limit = absl::Seconds(seconds);
  return absl::OkStatus();
}

std::string Shortest(double value) {
  return FewestDigits(value, value, [](double read) { return read; });
}

// In per cent.
std::string ShortestShare(double share) {
  return FewestDigits(share * 100, share, [](double read) { return read / 100; });
}

}  // namespace

absl::StatusOr<Metric> ParseMetric(absl::string_view text) { return kMetricNames.Parse(text); }

absl::StatusOr<MetricUnit> ParseMetricUnit(absl::string_view text) {
  for (const MetricFacts& facts : kFacts) {
    if (text == MetricName(facts.metric) || text == facts.cost_key) {
      return MetricUnit{facts.metric, 1};
    }
  }
  const size_t underscore = std::min(text.find('_'), text.size());
  HT_ASSIGN_OR_RETURN(const Metric metric, ParseMetric(text.substr(0, underscore)));
  const absl::string_view unit = text.substr(std::min(underscore + 1, text.size()));
  if (unit.empty() || !absl::ascii_isalpha(static_cast<unsigned char>(unit[0]))) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' does not end with a unit"));
  }
  HT_ASSIGN_OR_RETURN(const double base_units,
                      ParseQuantity(FactsOf(metric).quantity, absl::StrCat("1", unit)));
  return MetricUnit{metric, base_units};
}

absl::StatusOr<SearchStrategy> ParseSearchStrategy(absl::string_view text) {
  return kStrategyNames.Parse(text);
}

absl::string_view SearchStrategyName(SearchStrategy strategy) {
  return kStrategyNames.NameOf(strategy);
}

absl::string_view MetricName(Metric metric) { return kMetricNames.NameOf(metric); }
absl::string_view MetricCostKey(Metric metric) { return FactsOf(metric).cost_key; }

absl::StatusOr<Budget> Budget::Parse(absl::string_view text) {
  if (text.size() > 256) {
    return absl::InvalidArgumentError("a budget is longer than 256 characters");
  }
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget '", text, "' is not of the form METRIC=LIMIT, like latency=4ms"));
  }
  Budget budget;
  const absl::string_view name = absl::StripAsciiWhitespace(text.substr(0, equals));
  const absl::StatusOr<Metric> metric = ParseMetric(name);
  if (!metric.ok()) return Annotate(metric.status(), absl::StrCat("budget '", text, "'"));
  budget.metric = *metric;
  const absl::string_view limit = absl::StripAsciiWhitespace(text.substr(equals + 1));
  HT_RETURN_IF_ERROR(ParseLimit(limit, text, &budget));
  return budget;
}

std::string Budget::ToString() const {
  const std::string name(MetricName(metric));
  switch (kind) {
    case Kind::kReference:
      return absl::StrCat(name, "=", Shortest(value), "x");
    case Kind::kShare:
      return absl::StrCat(name, "=", ShortestShare(value), "%");
    case Kind::kAbsolute:
      break;
  }
  return absl::StrCat(name, "=", Shortest(value), FactsOf(metric).base_unit);
}

json SearchSpecToJson(const SearchSpec& spec) {
  json object = {{"model", spec.model},
                 {"calibration", spec.calibration},
                 {"evaluation", spec.evaluation},
                 {"target", spec.target},
                 {"precisions", json::array()},
                 {"budgets", json::array()},
                 {"frontier", std::string(MetricName(spec.frontier))},
                 {"use_ties", spec.use_ties},
                 {"batch", spec.batch},
                 {"threads", spec.threads},
                 {"refresh", spec.refresh},
                 {"evaluations", spec.evaluations},
                 {"strategy", std::string(SearchStrategyName(spec.strategy))},
                 {"objectives", json::array()},
                 {"robust", spec.robust},
                 {"samples_at_most", spec.samples_at_most},
                 {"pins", spec.pins},
                 {"rules", LayerRulesToJson(spec.rules)},
                 {"explain", spec.explain},
                 {"quantization", QuantizationOptionsToJson(spec.quantization)},
                 {"sensitivity", SensitivityOptionsToJson(spec.sensitivity)}};
  for (const Precision& precision : spec.precisions) {
    object["precisions"].push_back(precision.ToString());
  }
  for (const Budget& budget : spec.budgets) object["budgets"].push_back(budget.ToString());
  if (spec.inputs != InputBinding()) object["inputs"] = InputBindingToJson(spec.inputs);
  if (!spec.heads.empty()) object["heads"] = AskedHeadsToJson(spec.heads);
  for (const Metric metric : spec.objectives) {
    object["objectives"].push_back(std::string(MetricName(metric)));
  }
  // An infinite limit has no JSON number; absent means the default, so it is written as a century.
  constexpr double kCentury = 3.15576e9;
  object["time_limit_seconds"] = std::min(absl::ToDoubleSeconds(spec.time_limit), kCentury);
  return object;
}

absl::StatusOr<SearchSpec> SearchSpecFromJson(const json& object) {
  SearchSpec spec;
  JsonFields fields(object, "spec");
  fields.Read("model", &spec.model);
  fields.Read("calibration", &spec.calibration);
  fields.Read("evaluation", &spec.evaluation);
  fields.Read("target", &spec.target);
  fields.ReadText("frontier", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(spec.frontier, ParseMetric(text));
    return absl::OkStatus();
  });
  fields.Read("use_ties", &spec.use_ties);
  fields.ReadInteger("batch", 1, 4096, &spec.batch);
  fields.ReadInteger("threads", 0, 4096, &spec.threads);
  fields.Read("refresh", &spec.refresh);
  fields.ReadInteger("evaluations", 0, kMaxEvaluations, &spec.evaluations);
  fields.ReadNonNegative("robust", kMaxRobust, &spec.robust);
  fields.Read("samples_at_most", &spec.samples_at_most);
  fields.Read("pins", &spec.pins);
  fields.ReadObject("rules", LayerRulesFromJson, &spec.rules);
  fields.ReadObject("inputs", InputBindingFromJson, &spec.inputs);
  fields.ReadObject("heads", AskedHeadsFromJson, &spec.heads);
  fields.Read("explain", &spec.explain);
  HT_RETURN_IF_ERROR(ReadPrecisions(fields, &spec));
  HT_RETURN_IF_ERROR(ReadBudgets(fields, &spec));
  HT_RETURN_IF_ERROR(ReadStrategy(fields, &spec));
  HT_RETURN_IF_ERROR(ReadOptions(fields, &spec));
  if (!(spec.robust >= 0) || spec.robust > kMaxRobust) {
    return absl::InvalidArgumentError(
        absl::StrCat("field 'spec.robust' is not in 0 to ", kMaxRobust));
  }
  HT_RETURN_IF_ERROR(CheckLength("field 'spec.target'", spec.target));
  return spec;
}

}  // namespace halftone
