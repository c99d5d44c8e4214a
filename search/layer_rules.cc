#include "search/layer_rules.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/field_path.h"
#include "base/json_fields.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr double kMaxLossFactor = 1e9;

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Puts rules into a problem.
class Application {
 public:
  explicit Application(Problem& problem) : problem_(problem) {}

  absl::Status Allow(const std::string& pattern, const std::vector<Precision>& precisions) {
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> layers, Layers(pattern, "allowed"));
    std::set<std::string> names;
    for (const Precision& precision : precisions) names.insert(precision.ToString());
    for (const std::string& layer : layers) {
      HT_RETURN_IF_ERROR(CheckOffered(names, absl::StrCat("the set allowed to ", Quoted(pattern))));
      HT_RETURN_IF_ERROR(Restrict(layer, names));
    }
    return absl::OkStatus();
  }

  absl::Status Group(const std::vector<std::string>& patterns) {
    std::set<std::string> members;
    for (const std::string& pattern : patterns) {
      HT_ASSIGN_OR_RETURN(const std::vector<std::string> layers, Layers(pattern, "group"));
      members.insert(layers.begin(), layers.end());
    }
    if (members.size() < 2) {
      return Invalid("the group ", Quoted(absl::StrJoin(patterns, ",")),
                     " has fewer than two layers");
    }
    problem_.ties.emplace_back(members.begin(), members.end());
    return absl::OkStatus();
  }

  // The rule of the first or the last layer.
  absl::Status RestrictEnd(const Problem::Layer& layer, const std::string& rule) {
    if (rule.empty()) return absl::OkStatus();
    const std::string owner = absl::StrCat("the rule '", rule, "' of layer '", layer.name, "'");
    const absl::Status is_rule = CheckEndRule(rule);
    if (!is_rule.ok()) return Annotate(is_rule, owner);
    std::set<std::string> names;
    int bits = 0;
    if (absl::SimpleAtoi(rule, &bits)) {
      int most = 0;
      for (const Problem::Choice& choice : layer.choices) {
        HT_ASSIGN_OR_RETURN(const Precision precision, Precision::Parse(choice.name));
        const int fewest = std::min(precision.weights.bits, precision.activations.bits);
        most = std::max(most, fewest);
        if (fewest >= bits) names.insert(choice.name);
      }
      if (names.empty())
        return Invalid(owner, ": no precision of so many bits is offered, the most is ", most);
    } else {
      HT_ASSIGN_OR_RETURN(const Precision precision, Precision::Parse(rule));
      names.insert(precision.ToString());
      HT_RETURN_IF_ERROR(CheckOffered(names, owner));
    }
    return Restrict(layer.name, names);
  }

 private:
  absl::StatusOr<std::vector<std::string>> Layers(const std::string& pattern,
                                                  absl::string_view rule) const {
    std::vector<std::string> names;
    for (const Problem::Layer& layer : problem_.layers) {
      if (MatchesPattern(layer.name, pattern)) names.push_back(layer.name);
    }
    if (names.empty()) {
      return NamesNoLayer(absl::StrCat(Quoted(pattern), " of the rule '", rule, "'"),
                          problem_.layers.front().name);
    }
    return names;
  }

  // All layers of a search offer the same precisions.
  absl::Status CheckOffered(const std::set<std::string>& names, const std::string& owner) const {
    const std::vector<Problem::Choice>& offered = problem_.layers.front().choices;
    for (const std::string& name : names) {
      if (std::none_of(offered.begin(), offered.end(),
                       [&](const Problem::Choice& choice) { return choice.name == name; })) {
        return Invalid(owner, ": ", name, " is not among the precisions: ", ChoicesText(problem_));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Restrict(const std::string& layer, const std::set<std::string>& names) {
    const auto [allowed, is_first] =
        problem_.allowed.try_emplace(layer, names.begin(), names.end());
    if (!is_first) {
      std::erase_if(allowed->second,
                    [&](const std::string& name) { return !names.contains(name); });
    }
    if (allowed->second.empty()) return Invalid("the rules leave layer '", layer, "' no precision");
    return absl::OkStatus();
  }

  Problem& problem_;
};

json AllowedToJson(const LayerRules& rules) {
  json allowed = json::object();
  for (const auto& [layer, precisions] : rules.allowed) {
    json& names = allowed[layer] = json::array();
    for (const Precision& precision : precisions) names.push_back(precision.ToString());
  }
  return allowed;
}

absl::Status ReadAllowed(const json& object, LayerRules& rules) {
  for (const auto& [layer, names] : object.items()) {
    JsonFields fields(object, "rules.allowed");
    std::vector<std::string> texts;
    fields.Read(layer, &texts);
    HT_RETURN_IF_ERROR(fields.status());
    HT_ASSIGN_OR_RETURN(rules.allowed[layer], ParsePrecisions(absl::StrJoin(texts, ",")));
  }
  return absl::OkStatus();
}

absl::Status ReadGroup(const json& group, LayerRules& rules) {
  if (!group.is_array()) return Invalid("must hold arrays of layer names");
  std::vector<std::string>& names = rules.groups.emplace_back();
  for (const json& name : group) {
    if (!name.is_string()) return Invalid("must hold arrays of layer names");
    names.push_back(name.get<std::string>());
  }
  return absl::OkStatus();
}

}  // namespace

json LayerRulesToJson(const LayerRules& rules) {
  json object = {{"allowed", AllowedToJson(rules)},
                 {"groups", rules.groups},
                 {"first_layer", rules.first_layer},
                 {"last_layer", rules.last_layer},
                 {"loss_factors", rules.loss_factors}};
  if (rules.max_changes.has_value()) object["max_changes"] = *rules.max_changes;
  return object;
}

absl::StatusOr<LayerRules> LayerRulesFromJson(const json& object) {
  LayerRules rules;
  JsonFields fields(object, "rules");
  fields.ReadObject("allowed", [&](const json& part) { return ReadAllowed(part, rules); });
  fields.ReadEach("groups", [&](const json& group) { return ReadGroup(group, rules); });
  fields.Read("first_layer", &rules.first_layer);
  fields.Read("last_layer", &rules.last_layer);
  fields.Read("loss_factors", &rules.loss_factors);
  int max_changes = -1;
  fields.ReadInteger("max_changes", 0, INT32_MAX, &max_changes);
  HT_RETURN_IF_ERROR(fields.status());
  if (max_changes >= 0) rules.max_changes = max_changes;
  for (const auto& [pattern, factor] : rules.loss_factors) {
    if (factor >= 0 && factor <= kMaxLossFactor) continue;
    return Invalid("the loss factor of '", pattern, "' is not between 0 and ", kMaxLossFactor);
  }
  return rules;
}

absl::Status NamesNoLayer(absl::string_view what, absl::string_view first_layer) {
  return Invalid(what, " names no layer of the network, whose first is '", first_layer, "'");
}

bool MatchesPattern(absl::string_view name, absl::string_view pattern) {
  if (name == pattern) return true;
  // What the last `*` took is extended by one character whenever the rest does not match.
  size_t n = 0, p = 0, star = absl::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == absl::string_view::npos;
}

absl::Status ApplyRules(const LayerRules& rules, const NetworkSummary& network, Problem& problem) {
  if (problem.layers.empty()) return absl::OkStatus();
  Application application(problem);
  for (const auto& [pattern, precisions] : rules.allowed) {
    HT_RETURN_IF_ERROR(
        AtField(FieldEntry("rules.allowed", pattern), application.Allow(pattern, precisions)));
  }
  for (size_t i = 0; i < rules.groups.size(); ++i) {
    HT_RETURN_IF_ERROR(
        AtField(absl::StrCat("rules.groups[", i, "]"), application.Group(rules.groups[i])));
  }
  HT_RETURN_IF_ERROR(AtField("rules.first_layer",
                             application.RestrictEnd(problem.layers.front(), rules.first_layer)));
  HT_RETURN_IF_ERROR(AtField("rules.last_layer",
                             application.RestrictEnd(problem.layers.back(), rules.last_layer)));
  if (rules.max_changes.has_value()) {
    problem.max_changes = static_cast<size_t>(*rules.max_changes);
    problem.neighbours = network.neighbours;
  }
  return absl::OkStatus();
}

absl::Status CheckLossFactors(const std::map<std::string, double>& factors,
                              const std::vector<std::string>& layers) {
  for (const auto& [pattern, factor] : factors) {
    const bool matches = std::any_of(
        layers.begin(), layers.end(),
        [&text = pattern](const std::string& layer) { return MatchesPattern(layer, text); });
    if (matches) continue;
    return AtField(FieldEntry("rules.loss_factors", pattern),
                   NamesNoLayer(absl::StrCat("the loss factor of ", Quoted(pattern)),
                                layers.empty() ? "" : layers.front()));
  }
  return absl::OkStatus();
}

absl::StatusOr<SensitivityResult> ScaleLosses(const std::map<std::string, double>& factors,
                                              SensitivityResult sensitivity) {
  if (factors.empty()) return sensitivity;
  std::vector<std::string> names;
  for (const LayerSensitivity& layer : sensitivity.layers) names.push_back(layer.name);
  HT_RETURN_IF_ERROR(CheckLossFactors(factors, names));
  std::vector<double> of_column;  // by choice, in the order of layers
  for (LayerSensitivity& layer : sensitivity.layers) {
    double product = 1;
    for (const auto& [pattern, factor] : factors) {
      if (MatchesPattern(layer.name, pattern)) product *= factor;
    }
    for (ChoiceLoss& choice : layer.choices) {
      choice.loss *= product;
      if (choice.loss_stderr.has_value()) *choice.loss_stderr *= product;
      of_column.push_back(product);
    }
  }
  for (std::vector<double>& losses : sensitivity.resampled_losses) {
    for (size_t c = 0; c < losses.size(); ++c) losses[c] *= of_column[c];
  }
  for (std::vector<double>* matrix : {&sensitivity.interactions, &sensitivity.interaction_errors}) {
    for (size_t i = 0; i < matrix->size(); ++i) {
      const size_t a = i / of_column.size(), b = i % of_column.size();
      (*matrix)[i] *= std::sqrt(of_column[a] * of_column[b]);
    }
  }
  return sensitivity;
}

std::string ChoicesText(const Problem& problem) {
  return absl::StrJoin(
      problem.layers.front().choices, ", ",
      [](std::string* out, const Problem::Choice& choice) { out->append(choice.name); });
}

absl::Status CheckEndRule(const std::string& rule) {
  int bits = 0;
  if (rule.empty()) return absl::OkStatus();
  if (!absl::SimpleAtoi(rule, &bits)) return Precision::Parse(rule).status();
  return bits >= 1 ? absl::OkStatus() : Invalid("'", rule, "' is no number of bits, 1 or more");
}

}  // namespace halftone
