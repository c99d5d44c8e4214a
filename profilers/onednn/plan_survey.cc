#include "profilers/onednn/plan_survey.h"

#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// What decides kernels and stored forms: how layers execute, and the grid of their sources.
using ClassKey = std::tuple<std::vector<Precision>, int>;

ClassKey KeyOf(const LayerSet& layers, const Precision& precision) {
  std::vector<Precision> executed;
  bool integers = false;
  for (const Layer& layer : layers.layers) {
    executed.push_back(ExecutedAs(layer, precision));
    integers = integers || executed.back().activations.IsInteger();
  }
  return {executed, integers ? precision.activations.bits : 0};
}

// Describes plans of one network.
class Surveyor {
 public:
  Surveyor(const Graph& graph, const LayerSet& layers, const ProfilingAssignment& assignment,
           const PlanOptions& options)
      : graph_(graph), layers_(layers), assignment_(assignment), options_(options) {}

  absl::StatusOr<SurveyedPlan> Describe(std::vector<Precision> precisions) const {
    SurveyedPlan plan;
    HT_ASSIGN_OR_RETURN(const QuantizedAssignment quantized, assignment_.Assign(precisions));
    HT_ASSIGN_OR_RETURN(plan.steps, DescribePlan(graph_, layers_, quantized, options_));
    plan.precisions = std::move(precisions);
    return plan;
  }

 private:
  const Graph& graph_;
  const LayerSet& layers_;
  const ProfilingAssignment& assignment_;
  const PlanOptions& options_;
};

// Takes the plan's keys out of `missing`; whether there were any.
bool Covers(const SurveyedPlan& plan, std::set<std::string>& missing) {
  bool any = false;
  for (const PlanStep& step : plan.steps) any = missing.erase(step.key) > 0 || any;
  return any;
}

// Uniform plans in which every `stride`-th layer, from each offset on, has another class.
std::vector<std::vector<Precision>> Combs(const PlanSurvey& survey, size_t layers, size_t stride) {
  std::vector<std::vector<Precision>> combs;
  for (const Precision& rest : survey.classes) {
    for (const Precision& own : survey.classes) {
      if (own == rest) continue;
      for (size_t offset = 0; offset < stride; ++offset) {
        std::vector<Precision> precisions(layers, rest);
        for (size_t layer = offset; layer < layers; layer += stride) precisions[layer] = own;
        combs.push_back(std::move(precisions));
      }
    }
  }
  return combs;
}

}  // namespace

std::set<std::string> PlanSurvey::Keys() const {
  std::set<std::string> keys;
  for (const SurveyedPlan& plan : uniform) {
    for (const PlanStep& step : plan.steps) keys.insert(step.key);
  }
  for (const auto& [flip, plan] : flips) {
    for (const PlanStep& step : plan.steps) keys.insert(step.key);
  }
  return keys;
}

absl::StatusOr<PlanSurvey> SurveyPlans(const Graph& graph, const LayerSet& layers,
                                       const ProfilingAssignment& assignment,
                                       absl::Span<const Precision> precisions,
                                       const PlanOptions& options, const Progress& progress) {
  PlanSurvey survey;
  std::map<ClassKey, size_t> known;
  for (const Precision& precision : precisions) {
    const auto [it, added] = known.emplace(KeyOf(layers, precision), survey.classes.size());
    if (added) survey.classes.push_back(precision);
    survey.class_of[precision] = it->second;
  }
  const Surveyor surveyor(graph, layers, assignment, options);
  const size_t count = layers.layers.size();
  for (const Precision& precision : survey.classes) {
    HT_RETURN_IF_ERROR(progress.Step(0, "planning"));
    HT_ASSIGN_OR_RETURN(SurveyedPlan plan,
                        surveyor.Describe(std::vector<Precision>(count, precision)));
    survey.uniform.push_back(std::move(plan));
  }
  for (size_t layer = 0; layer < count; ++layer) {
    HT_RETURN_IF_ERROR(progress.Step(static_cast<double>(layer) / static_cast<double>(count),
                                     absl::StrCat("planning, layer ", layer + 1, " of ", count)));
    for (size_t rest = 0; rest < survey.classes.size(); ++rest) {
      for (size_t own = 0; own < survey.classes.size(); ++own) {
        if (own == rest) continue;
        HT_RETURN_IF_ERROR(progress.cancellation.Check());
        std::vector<Precision> flipped(count, survey.classes[rest]);
        flipped[layer] = survey.classes[own];
        HT_ASSIGN_OR_RETURN(SurveyedPlan plan, surveyor.Describe(std::move(flipped)));
        survey.flips.emplace(PlanSurvey::Flip{rest, layer, own}, std::move(plan));
      }
    }
  }
  return survey;
}

absl::StatusOr<std::vector<std::vector<Precision>>> CoverKeys(
    const Graph& graph, const LayerSet& layers, const ProfilingAssignment& assignment,
    const PlanSurvey& survey, const PlanOptions& options, std::set<std::string> missing,
    const Cancellation& cancellation) {
  const Surveyor surveyor(graph, layers, assignment, options);
  std::vector<std::vector<Precision>> cover;
  for (const SurveyedPlan& plan : survey.uniform) {
    if (Covers(plan, missing)) cover.push_back(plan.precisions);
  }
  for (const size_t stride : {size_t{4}, size_t{3}}) {
    for (std::vector<Precision>& comb : Combs(survey, layers.layers.size(), stride)) {
      if (missing.empty()) return cover;
      HT_RETURN_IF_ERROR(cancellation.Check());
      HT_ASSIGN_OR_RETURN(SurveyedPlan plan, surveyor.Describe(std::move(comb)));
      if (Covers(plan, missing)) cover.push_back(std::move(plan.precisions));
    }
  }
  for (const auto& [flip, plan] : survey.flips) {
    if (missing.empty()) break;
    if (Covers(plan, missing)) cover.push_back(plan.precisions);
  }
  return cover;
}

}  // namespace halftone
