#include "profilers/onednn/cost_attribution.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace halftone {

CostAttribution::CostAttribution(const Graph& graph, const LayerSet& layers,
                                 const PlanSurvey& survey,
                                 const std::map<std::string, MeasuredTime>& times)
    : graph_(graph), layers_(layers), survey_(survey), times_(times), index_(graph) {
  for (size_t i = 0; i < layers.layers.size(); ++i) layer_of_node_[layers.layers[i].name] = i;
  for (size_t i = 0; i < graph.nodes.size(); ++i) node_index_[graph.nodes[i].name] = i;
  FindFixedSteps();
  for (const SurveyedPlan& plan : survey.uniform) uniform_.push_back(Own(plan.steps));
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
      const double time = times_.at(step.key).latency_ns;
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

std::vector<MeasuredTime> CostAttribution::Own(absl::Span<const PlanStep> steps) const {
  std::vector<MeasuredTime> own(fixed_of_layer_.size());
  for (const PlanStep& step : steps) {
    const MeasuredTime& time = times_.at(step.key);
    MeasuredTime& sum = own[OwnerOf(step)];
    sum.latency_ns += time.latency_ns;
    sum.mad_ns += time.mad_ns;
    sum.when = std::min(sum.when, time.when);
  }
  for (size_t i = 0; i < own.size(); ++i) own[i].latency_ns -= fixed_of_layer_[i];
  return own;
}

MeasuredTime CostAttribution::Row(size_t layer, size_t own) const { return uniform_[own][layer]; }

std::vector<CostAttribution::Edge> CostAttribution::Edges() const {
  std::map<std::tuple<size_t, size_t, size_t, size_t>, double> sums;
  std::set<std::pair<size_t, size_t>> pairs;
  for (const auto& [flip, plan] : survey_.flips) {
    const std::vector<MeasuredTime> own = Own(plan.steps);
    for (size_t layer = 0; layer < own.size(); ++layer) {
      if (layer == flip.layer) continue;
      // Equal steps have equal times, to the last bit but for the order of the sum.
      const double difference = own[layer].latency_ns - uniform_[flip.rest][layer].latency_ns;
      if (std::abs(difference) < 1e-3) continue;
      const bool before = layer < flip.layer;
      const auto key = before ? std::tuple(layer, flip.layer, flip.rest, flip.own)
                              : std::tuple(flip.layer, layer, flip.own, flip.rest);
      sums[key] += difference;
      pairs.emplace(std::get<0>(key), std::get<1>(key));
    }
  }
  std::vector<Edge> edges;
  for (const auto& [from, to] : pairs) {
    for (size_t p = 0; p < survey_.classes.size(); ++p) {
      for (size_t q = 0; q < survey_.classes.size(); ++q) {
        const auto it = sums.find({from, to, p, q});
        edges.push_back({from, to, p, q, it == sums.end() ? 0 : std::max(0.0, it->second)});
      }
    }
  }
  return edges;
}

double CostAttribution::Total(absl::Span<const PlanStep> steps) const {
  double total = 0;
  for (const PlanStep& step : steps) total += times_.at(step.key).latency_ns;
  return total;
}

}  // namespace halftone
