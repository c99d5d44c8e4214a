#ifndef HALFTONE_PROFILERS_ONEDNN_COST_ATTRIBUTION_H_
#define HALFTONE_PROFILERS_ONEDNN_COST_ATTRIBUTION_H_

#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "profilers/onednn/plan_survey.h"
#include "profilers/onednn/step_measurement.h"

namespace halftone {

// Turns times of steps into costs of layers and of pairs of layers.
//
// Every step belongs to a layer: its own kernel, the conversions of its sources, and what follows
// it up to the next layer. The part of the steps between layers that is the same in all uniform
// plans belongs to none: fixed time. Then, with own(l, z) the time of l's steps in assignment z:
//   row(l, p)         = own(l, all p)
//   edge(l, m, p, q)  = own(l, all p but m = q) - own(l, all p) + own(m, all q but l = p)
//                       - own(m, all q)
// which gives every uniform plan its exact sum, and every assignment its own where the time of a
// step depends on no more than one layer beside its own at once. A negative edge (a kernel that is
// cheaper beside another precision) counts as 0.
class CostAttribution {
 public:
  CostAttribution(const Graph& graph, const LayerSet& layers, const PlanSurvey& survey,
                  const std::map<std::string, MeasuredTime>& times);

  double fixed_latency_ns() const { return fixed_; }
  // Of layer `layer` in class `own`.
  MeasuredTime Row(size_t layer, size_t own) const;
  // Pairs of layers (by index, the first before the second) that affect each other.
  struct Edge {
    size_t from, to, from_class, to_class;
    double latency_ns;
  };
  std::vector<Edge> Edges() const;
  // The time of any described plan: the sum of its steps.
  double Total(absl::Span<const PlanStep> steps) const;

 private:
  // What identifies a step between layers across plans.
  static std::string IdOf(const PlanStep& step);
  size_t OwnerOf(const PlanStep& step) const;
  size_t UpstreamLayer(const std::string& value) const;
  void FindFixedSteps();
  std::vector<MeasuredTime> Own(absl::Span<const PlanStep> steps) const;

  const Graph& graph_;
  const LayerSet& layers_;
  const PlanSurvey& survey_;
  const std::map<std::string, MeasuredTime>& times_;
  GraphIndex index_;
  std::map<std::string, size_t> layer_of_node_;
  std::map<std::string, size_t> node_index_;
  double fixed_ = 0;
  std::vector<double> fixed_of_layer_;              // the part of a layer's steps that is fixed
  std::vector<std::vector<MeasuredTime>> uniform_;  // [class][layer]
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_COST_ATTRIBUTION_H_
