#include "search/spec_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "search/layer_rules.h"

namespace halftone {
namespace {

absl::Status CheckKnows(const CostProfiler* profiler, Metric metric, absl::string_view what) {
  if (metric != Metric::kEnergy || profiler == nullptr || profiler->TellsEnergy()) {
    return absl::OkStatus();
  }
  return NoCosts(profiler->target(), metric, what);
}

absl::StatusOr<std::string> PinnedChoice(const Problem& problem, const std::string& pattern,
                                         const std::string& text) {
  HT_ASSIGN_OR_RETURN(const Precision precision, Precision::Parse(text));
  for (const Problem::Choice& choice : problem.layers.front().choices) {
    if (choice.name == precision.ToString()) return choice.name;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("layer ", Quoted(pattern), " is pinned to ", text,
                   ", which is not among the precisions: ", ChoicesText(problem)));
}

// A layer's own name comes before patterns that match it.
absl::Status ApplyPins(const std::map<std::string, std::string>& pins, Problem& problem) {
  const auto is_layer = [&](const std::string& name) {
    return std::any_of(problem.layers.begin(), problem.layers.end(),
                       [&](const Problem::Layer& layer) { return layer.name == name; });
  };
  for (const bool by_name : {true, false}) {
    for (const auto& [pattern, text] : pins) {
      if (is_layer(pattern) != by_name) continue;
      const std::string field = FieldEntry("pins", pattern);
      const absl::StatusOr<std::string> choice = PinnedChoice(problem, pattern, text);
      if (!choice.ok()) return AtField(field, choice.status());
      bool matches = false;
      for (const Problem::Layer& layer : problem.layers) {
        if (!MatchesPattern(layer.name, pattern)) continue;
        matches = true;
        problem.pins.emplace(layer.name, *choice);
      }
      if (!matches) {
        return AtField(field, NamesNoLayer(absl::StrCat("the pin of ", Quoted(pattern)),
                                           problem.layers.front().name));
      }
    }
  }
  return absl::OkStatus();
}

// A method that knows of weights only would take the least activations that are offered with them.
absl::Status CheckTellsApart(SensitivityMethod method, const std::vector<Precision>& offered) {
  if (!KnowsWeightsOnly(method)) return absl::OkStatus();
  for (size_t i = 0; i < offered.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (offered[i].weights != offered[j].weights || offered[i] == offered[j]) continue;
      return AtField("sensitivity.method",
                     absl::InvalidArgumentError(absl::StrCat(
                         "the method ", SensitivityMethodName(method),
                         " knows of weights only and cannot tell ", offered[j].ToString(), " from ",
                         offered[i].ToString(), ": take another, or one of these precisions")));
    }
  }
  return absl::OkStatus();
}

// Without losses and costs.
Problem BareProblem(const SearchSpec& spec, const NetworkSummary& network,
                    const std::vector<Precision>& offered) {
  Problem problem;
  for (const NetworkSummary::LayerFacts& facts : network.layers) {
    Problem::Layer& layer = problem.layers.emplace_back();
    layer.name = facts.name;
    for (const Precision& precision : offered) {
      layer.choices.emplace_back().name = precision.ToString();
    }
  }
  if (spec.use_ties) AddTies(network, problem);
  return problem;
}

}  // namespace

absl::Status CheckFrontier(Metric frontier) {
  if (frontier != Metric::kActivationMemory) return absl::OkStatus();
  return AtField("frontier_metric",
                 absl::InvalidArgumentError(
                     "a frontier over activation-memory, which is a maximum and no sum, cannot be "
                     "computed; choose latency, size, energy or bops"));
}

absl::Status CheckMetrics(const SearchSpec& spec, const CostProfiler* profiler) {
  for (size_t i = 0; i < spec.budgets.size(); ++i) {
    const Budget& budget = spec.budgets[i];
    HT_RETURN_IF_ERROR(AtField(
        absl::StrCat("budgets[", i, "]"),
        CheckKnows(profiler, budget.metric, absl::StrCat("budget '", budget.ToString(), "'"))));
  }
  for (size_t i = 0; i < spec.objectives.size(); ++i) {
    HT_RETURN_IF_ERROR(AtField(absl::StrCat("objectives[", i, "]"),
                               CheckKnows(profiler, spec.objectives[i], "objective")));
  }
  HT_RETURN_IF_ERROR(CheckFrontier(spec.frontier));
  return AtField("frontier_metric", CheckKnows(profiler, spec.frontier, "frontier"));
}

absl::Status NoCosts(absl::string_view target, Metric metric, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("target '", target, "' has no ",
                                                 MetricName(metric), " costs, which the ", what,
                                                 " asks for"));
}

void AddTies(const NetworkSummary& network, Problem& problem) {
  for (const Tie& tie : network.ties) {
    // One layer named twice (an Add of a value with itself) ties nothing.
    const std::set<std::string> names(tie.layers.begin(), tie.layers.end());
    if (names.size() > 1) problem.ties.emplace_back(names.begin(), names.end());
  }
}

absl::Status ApplyChoices(const SearchSpec& spec, const NetworkSummary& network, Problem& problem) {
  if (problem.layers.empty()) return absl::OkStatus();
  HT_RETURN_IF_ERROR(ApplyPins(spec.pins, problem));
  if (!spec.pins.empty()) HT_RETURN_IF_ERROR(AtField("pins", CheckProblem(problem)));
  HT_RETURN_IF_ERROR(ApplyRules(spec.rules, network, problem));
  if (spec.rules == LayerRules()) return absl::OkStatus();
  return AtField("rules", CheckProblem(problem));
}

absl::Status CheckChoices(const SearchSpec& spec, const NetworkSummary& network,
                          const std::vector<Precision>& offered) {
  HT_RETURN_IF_ERROR(CheckTellsApart(spec.sensitivity.method, offered));
  Problem problem = BareProblem(spec, network, offered);
  HT_RETURN_IF_ERROR(ApplyChoices(spec, network, problem));
  std::vector<std::string> names;
  for (Problem::Layer& layer : problem.layers) names.push_back(std::move(layer.name));
  return CheckLossFactors(spec.rules.loss_factors, names);
}

}  // namespace halftone
