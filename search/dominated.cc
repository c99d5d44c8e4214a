#include "search/dominated.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/stage_outputs.h"

namespace halftone {
namespace {

using Neighbour =
    std::tuple<std::string, Precision, bool>;  // its name and precision, whether before
using EdgeCosts = std::map<Neighbour, const EdgeRow*>;

std::set<Metric> MetricsOf(const SearchSpec& spec) {
  std::set<Metric> metrics(spec.objectives.begin(), spec.objectives.end());
  metrics.insert(spec.frontier);
  for (const Budget& budget : spec.budgets) metrics.insert(budget.metric);
  return metrics;
}

// Of float32, more than any integer has; of others none, so that they are compared with nothing.
std::optional<int> BitsOf(const NumberFormat& format) {
  if (format.kind == NumberFormat::Kind::kFloat32) return 32;
  if (format.IsInteger()) return format.bits;
  return std::nullopt;
}

// Whether `a` has no fewer bits than `b`, and as many where a metric counts them.
bool HasAllBits(const NumberFormat& a, const NumberFormat& b, bool is_counted) {
  const std::optional<int> more = BitsOf(a), fewer = BitsOf(b);
  if (!more.has_value() || !fewer.has_value()) return a == b;
  return is_counted ? *more == *fewer : *more >= *fewer;
}

class Dominance {
 public:
  Dominance(const SearchSpec& spec, const CostTable& costs)
      : metrics_(MetricsOf(spec)), costs_(costs) {
    for (const EdgeRow& edge : costs.edges) {
      edges_[{edge.from, edge.from_precision}][{edge.to, edge.to_precision, false}] = &edge;
      edges_[{edge.to, edge.to_precision}][{edge.from, edge.from_precision, true}] = &edge;
    }
  }

  // Whether whoever chooses `b` may as well choose `a`.
  bool Dominates(const NetworkSummary::LayerFacts& layer, const Precision& a,
                 const Precision& b) const {
    const bool counts_all = metrics_.contains(Metric::kBops);
    const bool counts_weights = counts_all || metrics_.contains(Metric::kSize);
    const bool counts_activations = counts_all || metrics_.contains(Metric::kActivationMemory);
    if (!HasAllBits(a.activations, b.activations, counts_activations)) return false;
    if (layer.has_weights && !HasAllBits(a.weights, b.weights, counts_weights)) return false;
    const CostRow *const row_a = costs_.Find(layer.name, a), *const row_b =
                                                                 costs_.Find(layer.name, b);
    if (row_a == nullptr || row_b == nullptr) return false;
    return CostsNoMore(row_a->latency_ns, row_a->energy_pj, row_b->latency_ns, row_b->energy_pj) &&
           EdgesCostNoMore(layer.name, a, b);
  }

 private:
  bool CostsNoMore(double a_ns, std::optional<double> a_pj, double b_ns,
                   std::optional<double> b_pj) const {
    if (metrics_.contains(Metric::kLatency) && a_ns > b_ns) return false;
    if (!metrics_.contains(Metric::kEnergy)) return true;
    return a_pj.has_value() == b_pj.has_value() && a_pj.value_or(0) <= b_pj.value_or(0);
  }

  const EdgeCosts& EdgesOf(const std::string& layer, const Precision& precision) const {
    static const EdgeCosts* const none = new EdgeCosts;
    const auto found = edges_.find({layer, precision});
    return found == edges_.end() ? *none : found->second;
  }

  // A change that no row tells of costs nothing.
  bool EdgesCostNoMore(const std::string& layer, const Precision& a, const Precision& b) const {
    const EdgeCosts& of_b = EdgesOf(layer, b);
    return absl::c_all_of(EdgesOf(layer, a), [&](const auto& entry) {
      const auto other = of_b.find(entry.first);
      const EdgeRow& edge = *entry.second;
      if (other == of_b.end())
        return CostsNoMore(edge.latency_ns, edge.energy_pj.value_or(0), 0, 0.0);
      return CostsNoMore(edge.latency_ns, edge.energy_pj.value_or(0), other->second->latency_ns,
                         other->second->energy_pj.value_or(0));
    });
  }

  const std::set<Metric> metrics_;
  const CostTable& costs_;
  std::map<std::pair<std::string, Precision>, EdgeCosts> edges_;
};

}  // namespace

DominatedChoices FindDominated(const SearchSpec& spec, const NetworkSummary& network,
                               const CostTable& costs, const std::vector<Precision>& offered) {
  DominatedChoices dominated;
  const LayerRules none;
  const bool has_rules = LayerRulesToJson(spec.rules) != LayerRulesToJson(none);
  if (has_rules || !spec.pins.empty()) return dominated;
  std::map<std::string, std::vector<const NetworkSummary::LayerFacts*>> groups;
  for (const NetworkSummary::LayerFacts& layer : network.layers) {
    groups[spec.use_ties ? layer.tie_group : layer.name].push_back(&layer);
  }
  const Dominance dominance(spec, costs);
  for (const auto& [group, layers] : groups) {
    std::vector<Precision> kept = offered;
    for (const Precision& b : offered) {
      const auto by = absl::c_find_if(kept, [&, &layers = layers](const Precision& a) {
        return a != b && absl::c_all_of(layers, [&](const auto* layer) {
                 return dominance.Dominates(*layer, a, b);
               });
      });
      if (by == kept.end()) continue;
      const Precision dominating = *by;
      std::erase(kept, b);
      for (const auto* layer : layers) {
        // Those that it dominates are dominated by what dominates it.
        for (auto& [other, of_other] : dominated[layer->name]) {
          if (of_other == b) of_other = dominating;
        }
        dominated[layer->name][b] = dominating;
      }
    }
  }
  return dominated;
}

absl::StatusOr<DominatedChoices> FindDominatedOf(const SearchSpec& spec,
                                                 absl::string_view import_output,
                                                 absl::string_view profile_output,
                                                 const std::vector<Precision>& offered) {
  if (spec.sensitivity.method != SensitivityMethod::kFisherCorrected) return DominatedChoices();
  HT_ASSIGN_OR_RETURN(const NetworkSummary network, NetworkSummaryFromBytes(import_output));
  HT_ASSIGN_OR_RETURN(const nlohmann::json document, ParseStored(profile_output, "cost table"));
  HT_ASSIGN_OR_RETURN(const CostTable costs, CostTableFromJson(document));
  return FindDominated(spec, network, costs, offered);
}

std::string DominatedText(const DominatedChoices& dominated) {
  std::string text;
  for (const auto& [layer, choices] : dominated) {
    for (const auto& [precision, by] : choices) {
      absl::StrAppend(&text, layer, " ", precision.ToString(), " ", by.ToString(), "\n");
    }
  }
  return text;
}

}  // namespace halftone
