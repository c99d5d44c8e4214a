#include "profilers/onednn/cost_attribution.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

constexpr int kSweeps = 20;
// Of a row, at one edge: the rest stays with the layer.
constexpr double kMostShifted = 0.5;

}  // namespace

CostAttribution::CostAttribution(const Graph& graph, const LayerSet& layers,
                                 const PlanSurvey& survey,
                                 const std::map<std::string, MeasuredTime>& times)
    : graph_(graph), layers_(layers), survey_(survey), times_(times), index_(graph) {
  for (size_t i = 0; i < layers.layers.size(); ++i) layer_of_node_[layers.layers[i].name] = i;
  for (size_t i = 0; i < graph.nodes.size(); ++i) node_index_[graph.nodes[i].name] = i;
  FindFixedSteps();
  for (const SurveyedPlan& plan : survey.uniform) rows_.push_back(Own(plan));
  MakeEdges();
}

std::string CostAttribution::IdOf(const PlanStep& step) {
  return absl::StrCat(static_cast<int>(step.kind), "/", step.name, "/", step.to);
}

size_t CostAttribution::UpstreamLayer(const std::string& value) const {
  std::string current = value;
  for (size_t depth = 0; depth <= graph_.nodes.size(); ++depth) {
    const int producer = index_.Producer(current);
    if (producer < 0) return 0;
    const Node& node = graph_.nodes[static_cast<size_t>(producer)];
    const auto it = layer_of_node_.find(node.name);
    if (it != layer_of_node_.end()) return it->second;
    const auto activation =
        std::find_if(node.inputs.begin(), node.inputs.end(), [&](const std::string& input) {
          return !input.empty() && graph_.initializers.count(input) == 0;
        });
    if (activation == node.inputs.end()) return 0;
    current = *activation;
  }
  return 0;
}

size_t CostAttribution::OwnerOf(const PlanStep& step) const {
  const std::string& reader = step.kind == PlanStep::Kind::kConversion ? step.to : step.name;
  if (const auto it = layer_of_node_.find(reader); it != layer_of_node_.end()) return it->second;
  if (step.kind == PlanStep::Kind::kConversion) return UpstreamLayer(step.name);
  const auto node = node_index_.find(step.name);
  if (node == node_index_.end()) return 0;
  return UpstreamLayer(graph_.nodes[node->second].outputs[0]);
}

void CostAttribution::FindFixedSteps() {
  fixed_of_layer_.assign(std::max<size_t>(layers_.layers.size(), 1), 0);
  // By step between layers: its owner, its least time in a uniform plan, in how many it occurs.
  std::map<std::string, std::tuple<size_t, double, size_t>> steps;
  for (const SurveyedPlan& plan : survey_.uniform) {
    for (const PlanStep& step : plan.steps) {
      const bool of_layer =
          step.kind == PlanStep::Kind::kLayer ||
          (step.kind == PlanStep::Kind::kConversion && layer_of_node_.count(step.to) > 0);
      if (of_layer) continue;
      const double time = TimeOf(step, /*in_uniform=*/true).latency_ns;
      const auto [it, added] =
          steps.emplace(IdOf(step), std::tuple(OwnerOf(step), time, size_t{0}));
      auto& [owner, least, count] = it->second;
      least = std::min(least, time);
      ++count;
    }
  }
  for (const auto& [id, step] : steps) {
    const auto& [owner, least, count] = step;
    if (count < survey_.uniform.size()) continue;
    fixed_ += least;
    fixed_of_layer_[owner] += least;
  }
}

const MeasuredTime& CostAttribution::TimeOf(const PlanStep& step, bool in_uniform) const {
  return times_.at(in_uniform ? UniformKey(step.key) : step.key);
}

std::vector<MeasuredTime> CostAttribution::Own(const SurveyedPlan& plan) const {
  std::vector<MeasuredTime> own(fixed_of_layer_.size());
  for (const PlanStep& step : plan.steps) {
    const MeasuredTime& time = TimeOf(step, plan.IsUniform());
    MeasuredTime& sum = own[OwnerOf(step)];
    sum.latency_ns += time.latency_ns;
    sum.mad_ns += time.mad_ns;
    sum.when = std::min(sum.when, time.when);
  }
  for (size_t i = 0; i < own.size(); ++i) own[i].latency_ns -= fixed_of_layer_[i];
  return own;
}

std::vector<std::multiset<std::string>> CostAttribution::OwnKeys(
    absl::Span<const PlanStep> steps) const {
  std::vector<std::multiset<std::string>> keys(fixed_of_layer_.size());
  for (const PlanStep& step : steps) keys[OwnerOf(step)].insert(step.key);
  return keys;
}

std::vector<CostAttribution::Excess> CostAttribution::Excesses() const {
  std::vector<Excess> excesses;
  for (const PlanSurvey::Mix& mix : survey_.mixes) {
    Excess excess{mix.classes, {}};
    const std::vector<MeasuredTime> own = Own(mix.plan);
    for (size_t layer = 0; layer < own.size(); ++layer) {
      excess.latency_ns.push_back(own[layer].latency_ns -
                                  rows_[mix.classes[layer]][layer].latency_ns);
    }
    excesses.push_back(std::move(excess));
  }
  return excesses;
}

std::set<CostAttribution::Influence> CostAttribution::FindInfluences() const {
  std::vector<std::vector<std::multiset<std::string>>> uniform;
  for (const SurveyedPlan& plan : survey_.uniform) uniform.push_back(OwnKeys(plan.steps));
  std::set<Influence> influences;
  for (const auto& [flip, plan] : survey_.flips) {
    const auto keys = OwnKeys(plan.steps);
    for (size_t layer = 0; layer < keys.size(); ++layer) {
      if (layer == flip.layer || keys[layer] == uniform[flip.rest][layer]) continue;
      // Who is affected may in another class be the one that affects.
      influences.insert({layer, flip.layer});
      influences.insert({flip.layer, layer});
    }
  }
  return influences;
}

// Least squares by coordinate descent: each entry in turn becomes the mean of what the others leave
// of the assignments that show it. The assignments are random, so that few rounds suffice.
std::map<CostAttribution::Influence, CostAttribution::ClassTable> CostAttribution::FitInfluences()
    const {
  std::map<Influence, ClassTable> fitted;
  std::map<size_t, std::vector<size_t>> others;
  const size_t classes = rows_.size();
  for (const Influence& influence : FindInfluences()) {
    fitted[influence] = ClassTable(classes, std::vector<double>(classes));
    others[influence.layer].push_back(influence.other);
  }
  std::vector<Excess> left = Excesses();
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (const auto& [layer, affecting] : others) {
      for (const size_t other : affecting) {
        ClassTable sums(classes, std::vector<double>(classes)), counts = sums;
        for (const Excess& excess : left) {
          sums[excess.classes[layer]][excess.classes[other]] += excess.latency_ns[layer];
          ++counts[excess.classes[layer]][excess.classes[other]];
        }
        ClassTable& table = fitted[{layer, other}];
        for (size_t p = 0; p < classes; ++p) {
          for (size_t q = 0; q < classes; ++q) {
            sums[p][q] = p == q || counts[p][q] == 0 ? 0 : sums[p][q] / counts[p][q];
            table[p][q] += sums[p][q];
          }
        }
        for (Excess& excess : left) {
          excess.latency_ns[layer] -= sums[excess.classes[layer]][excess.classes[other]];
        }
      }
    }
  }
  return fitted;
}

void CostAttribution::MakeEdges() {
  const size_t classes = rows_.size();
  std::map<Influence, ClassTable> pairs;  // the layer before the other
  for (const auto& [influence, table] : FitInfluences()) {
    const bool before = influence.layer < influence.other;
    const Influence pair = before ? influence : Influence{influence.other, influence.layer};
    ClassTable& sum =
        pairs.emplace(pair, ClassTable(classes, std::vector<double>(classes))).first->second;
    for (size_t p = 0; p < classes; ++p) {
      for (size_t q = 0; q < classes; ++q) (before ? sum[p][q] : sum[q][p]) += table[p][q];
    }
  }
  for (auto& [pair, table] : pairs) {
    for (size_t p = 0; p < classes; ++p) {
      double& row = rows_[p][pair.layer].latency_ns;
      const double lowest = *std::min_element(table[p].begin(), table[p].end());
      const double shift = std::min(std::max(0.0, -lowest), kMostShifted * row);
      row -= shift;
      for (size_t q = 0; q < classes; ++q) {
        edges_.push_back({pair.layer, pair.other, p, q, std::max(0.0, table[p][q] + shift)});
      }
    }
  }
}

double CostAttribution::UniformTotal(size_t own) const {
  double total = 0;
  for (const PlanStep& step : survey_.uniform[own].steps) {
    total += TimeOf(step, /*in_uniform=*/true).latency_ns;
  }
  return total;
}

}  // namespace halftone
