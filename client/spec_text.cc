#include "client/spec_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/sensitivity_methods.h"

namespace halftone {
namespace {

using nlohmann::json;

template <typename List>
json ListOf(const List& list) {
  json array = json::array();
  for (const auto& element : list) array.push_back(element);
  return array;
}

// Sets what is not the default.
void Set(const char* field, json value, json& document) {
  const bool is_default = value.is_number()    ? value == 0
                          : value.is_boolean() ? value == false
                          : value.is_string()  ? value.get_ref<const std::string&>().empty()
                                               : value.empty();
  if (!is_default) document[field] = std::move(value);
}

json RulesToJson(const v1::LayerRules& rules) {
  json document = json::object(), allowed = json::object(), factors = json::object();
  for (const auto& [layer, set] : rules.allowed()) allowed[layer] = ListOf(set.precisions());
  for (const auto& [layer, factor] : rules.loss_factors()) factors[layer] = factor;
  json groups = json::array();
  for (const v1::LayerGroup& group : rules.groups()) groups.push_back(ListOf(group.layers()));
  Set("allowed", std::move(allowed), document);
  Set("groups", std::move(groups), document);
  Set("first_layer", rules.first_layer(), document);
  Set("last_layer", rules.last_layer(), document);
  if (rules.has_max_changes()) document["max_changes"] = rules.max_changes();
  Set("loss_factors", std::move(factors), document);
  return document;
}

void AddSensitivity(const v1::SensitivitySpec& spec, json& document) {
  Set("samples", spec.samples(), document);
  Set("draws", spec.draws(), document);
  Set("probes", spec.probes(), document);
  Set("resamples", spec.resamples(), document);
  Set("method", SensitivityMethodText(spec.method()), document);
}

json SearchToJson(const v1::SearchSpec& spec) {
  json document = {{"seed", spec.sensitivity().seed()}};
  AddSensitivity(spec.sensitivity(), document);
  json pins = json::object();
  for (const auto& [layer, precision] : spec.pins()) pins[layer] = precision;
  Set("precisions", ListOf(spec.precisions()), document);
  Set("pins", std::move(pins), document);
  Set("rules", RulesToJson(spec.rules()), document);
  Set("robust", spec.robust(), document);
  if (spec.has_evaluations()) document["evaluations"] = spec.evaluations();
  Set("strategy", spec.strategy(), document);
  Set("effort", spec.effort(), document);
  Set("objectives", ListOf(spec.objectives()), document);
  Set("frontier_metric", spec.frontier_metric(), document);
  Set("batch", spec.batch(), document);
  Set("threads", spec.threads(), document);
  Set("ignore_ties", spec.ignore_ties(), document);
  Set("time_limit_seconds", spec.time_limit_seconds(), document);
  return document;
}

json CrosscheckToJson(const v1::CrosscheckSpec& spec) {
  json document = {{"seed", spec.seed()}};
  AddSensitivity(spec.sensitivity(), document);
  Set("precisions", ListOf(spec.precisions()), document);
  Set("estimators", ListOf(spec.estimators()), document);
  Set("assignments", spec.assignments(), document);
  Set("min_damage", spec.min_damage(), document);
  Set("max_damage", spec.max_damage(), document);
  Set("evaluation_samples", spec.evaluation_samples(), document);
  return document;
}

// "w8a8", "w4a4 w8a8", "/conv1/Conv=w8a8".
std::string ValueText(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::vector<std::string> parts;
  if (value.is_array()) {
    for (const json& element : value) parts.push_back(ValueText(element));
  } else if (value.is_object()) {
    for (const auto& [key, element] : value.items()) {
      parts.push_back(absl::StrCat(key, "=", ValueText(element)));
    }
  } else {
    return value.dump();
  }
  return absl::StrJoin(parts, value.is_object() ? " " : ",");
}

}  // namespace

json SpecToJson(const v1::Job& job) {
  if (job.view() != v1::JOB_VIEW_FULL) return json::object();
  return job.has_crosscheck() ? CrosscheckToJson(job.crosscheck()) : SearchToJson(job.spec());
}

std::string SpecText(const v1::Job& job) {
  std::string text;
  const json spec = SpecToJson(job);
  const auto add = [&](const std::string& name, const json& value) {
    absl::StrAppendFormat(&text, "%-8s %s\n", name, ValueText(value));
  };
  for (const auto& [name, value] : spec.items()) {
    if (name != "rules") add(name, value);
  }
  const json rules = spec.value("rules", json::object());
  for (const auto& [name, value] : rules.items()) add(name, value);
  return text;
}

}  // namespace halftone
