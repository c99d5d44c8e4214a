#include "search/user_explanation.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "search/live_set_metric.h"
#include "search/search_spec.h"
#include "search/solver/explain.h"

namespace halftone {
namespace {

using Limit = Explanation::Limit;
using Alternative = Explanation::Alternative;

// Of one or more limits on live sets.
Limit OfThePeak(const std::vector<Limit>& live_sets, const Solution& solution) {
  const std::string key(MetricCostKey(Metric::kActivationMemory));
  const Limit& fullest =
      *std::max_element(live_sets.begin(), live_sets.end(),
                        [](const Limit& a, const Limit& b) { return a.used < b.used; });
  Limit peak;
  peak.metric = key;
  peak.limit = fullest.limit;
  const auto found = solution.cost.find(key);
  peak.used = found == solution.cost.end() ? fullest.used : found->second;
  peak.slack = peak.limit - peak.used;
  peak.at = LiveSetMetric::FromKey(fullest.metric)->node;
  for (const Limit& limit : live_sets) {
    peak.binds = peak.binds || limit.binds;
    peak.marginal_value += limit.marginal_value;
  }
  if (live_sets.size() == 1) peak.loss_without = fullest.loss_without;
  return peak;
}

bool OnlyRenames(const Alternative& alternative, const Solution& solution,
                 const std::set<std::string>& products) {
  const auto renames = [&](const auto& change) {
    const auto before = solution.assignment.find(change.first);
    return products.count(change.first) > 0 && before != solution.assignment.end() &&
           ComputedAs(before->second, /*has_weights=*/false) ==
               ComputedAs(change.second, /*has_weights=*/false);
  };
  return !alternative.changes.empty() &&
         std::all_of(alternative.changes.begin(), alternative.changes.end(), renames);
}

void AddPeak(const std::vector<LiveSet>& live_sets, const Solution& solution,
             Alternative& alternative) {
  Assignment assignment = solution.assignment;
  for (const auto& [layer, choice] : alternative.changes) assignment[layer] = choice;
  alternative.cost[std::string(MetricCostKey(Metric::kActivationMemory))] =
      PeakActivationBytes(live_sets, assignment);
}

}  // namespace

Explanation InUsersTerms(const NetworkSummary& network, const std::vector<LiveSet>& live_sets,
                         const Solution& solution, Explanation explanation) {
  std::vector<Limit> limits, of_live_sets;
  for (Limit& limit : explanation.limits) {
    const bool is_live_set = LiveSetMetric::FromKey(limit.metric).has_value();
    (is_live_set ? of_live_sets : limits).push_back(std::move(limit));
  }
  if (!of_live_sets.empty()) limits.push_back(OfThePeak(of_live_sets, solution));
  explanation.limits = std::move(limits);
  std::set<std::string> products;
  for (const NetworkSummary::LayerFacts& layer : network.layers) {
    if (!layer.has_weights) products.insert(layer.name);
  }
  std::erase_if(explanation.alternatives, [&](const Alternative& alternative) {
    return OnlyRenames(alternative, solution, products);
  });
  for (Alternative& alternative : explanation.alternatives) {
    if (!alternative.choice.empty()) AddPeak(live_sets, solution, alternative);
  }
  return explanation;
}

absl::StatusOr<Explanation> ExplainToUser(const NetworkSummary& network, const BuiltProblem& built,
                                          const Solution& solution, const Progress& progress) {
  HT_ASSIGN_OR_RETURN(Explanation explanation, Explain(built.problem, solution, {}, progress));
  return InUsersTerms(network, built.live_sets, solution, std::move(explanation));
}

}  // namespace halftone
