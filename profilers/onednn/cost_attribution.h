#ifndef HALFTONE_PROFILERS_ONEDNN_COST_ATTRIBUTION_H_
#define HALFTONE_PROFILERS_ONEDNN_COST_ATTRIBUTION_H_

#include <map>
#include <set>
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
// plans belongs to none: fixed time. With own(l, z) the time of l's steps in assignment z and
// u(l, p) = own(l, all p), the edges e are fitted to
//   own(l, z) = u(l, z_l) + sum over the layers m that affect l of e(l, m, z_l, z_m)
// by least squares over the survey's random assignments, e being 0 between equal classes: every
// uniform plan has its exact sum, every assignment its own where the time of a step depends on no
// more than one layer beside its own at once, and the others on average. Which layers affect each
// other the single differences tell.
//
// Costs of edges are given as not negative: what is cheaper beside another precision (a kernel that
// stores bytes instead of floats) is taken off the layer's row and put back on its other edges,
// those between equal precisions included. No sum changes.
class CostAttribution {
 public:
  CostAttribution(const Graph& graph, const LayerSet& layers, const PlanSurvey& survey,
                  const std::map<std::string, MeasuredTime>& times);

  double fixed_latency_ns() const { return fixed_; }
  // Of layer `layer` in class `own`.
  const MeasuredTime& Row(size_t layer, size_t own) const { return rows_[own][layer]; }
  // Pairs of layers (by index, the first before the second) that affect each other, in all classes.
  struct Edge {
    size_t from, to, from_class, to_class;
    double latency_ns;
  };
  const std::vector<Edge>& edges() const { return edges_; }
  // The time of a uniform plan of the survey: the sum of its steps.
  double UniformTotal(size_t own) const;

 private:
  // A layer and another one that affects it.
  struct Influence {
    size_t layer, other;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes what is defaulted for a zero.
    auto operator<=>(const Influence&) const = default;
  };
  // By class of the layer and class of the other one.
  using ClassTable = std::vector<std::vector<double>>;
  // An assignment and what each layer takes in it beyond its uniform plan.
  struct Excess {
    std::vector<size_t> classes;
    std::vector<double> latency_ns;
  };

  // What identifies a step between layers across plans.
  static std::string IdOf(const PlanStep& step);
  size_t OwnerOf(const PlanStep& step) const;
  size_t UpstreamLayer(const std::string& value) const;
  void FindFixedSteps();
  // The time of a step in a uniform plan, or in another one.
  const MeasuredTime& TimeOf(const PlanStep& step, bool in_uniform) const;
  std::vector<MeasuredTime> Own(const SurveyedPlan& plan) const;
  // What runs for each layer.
  std::vector<std::multiset<std::string>> OwnKeys(absl::Span<const PlanStep> steps) const;
  std::vector<Excess> Excesses() const;
  std::set<Influence> FindInfluences() const;
  std::map<Influence, ClassTable> FitInfluences() const;
  void MakeEdges();

  const Graph& graph_;
  const LayerSet& layers_;
  const PlanSurvey& survey_;
  const std::map<std::string, MeasuredTime>& times_;
  GraphIndex index_;
  std::map<std::string, size_t> layer_of_node_;
  std::map<std::string, size_t> node_index_;
  double fixed_ = 0;
  std::vector<double> fixed_of_layer_;           // the part of a layer's steps that is fixed
  std::vector<std::vector<MeasuredTime>> rows_;  // [class][layer]
  std::vector<Edge> edges_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_COST_ATTRIBUTION_H_
