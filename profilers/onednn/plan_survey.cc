#include "profilers/onednn/plan_survey.h"

#include <algorithm>
#include <functional>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// What decides kernels and stored forms: how layers execute, which of them round their sources, and
// the grid of these.
using ClassKey = std::tuple<std::vector<Precision>, std::vector<bool>, int>;

ClassKey KeyOf(const LayerSet& layers, const Precision& precision) {
  std::vector<Precision> executed;
  std::vector<bool> rounds;
  bool any = false;
  for (const Layer& layer : layers.layers) {
    executed.push_back(ExecutedAs(layer, precision));
    rounds.push_back(RoundsSources(layer, precision));
    any = any || rounds.back();
  }
  return {executed, rounds, any ? precision.activations.bits : 0};
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

// So many random plans show every pair of classes in every pair of neighbours some twenty times.
constexpr size_t kMixesPerPair = 20;
constexpr size_t kMostMixes = 1200;
constexpr uint32_t kMixSeed = 1;

// Chooses plans until each key was seen often enough.
class KeyCover {
 public:
  explicit KeyCover(const std::set<std::string>& missing) {
    for (const std::string& key : missing) wanted_[key] = kPlansPerKey;
  }

  void Offer(const SurveyedPlan& plan) {
    Offered offer{&plan};
    for (const std::string& key : plan.Keys()) {
      if (wanted_.count(key) > 0) offer.keys.insert(key);
    }
    if (!offer.keys.empty()) offers_.push_back(std::move(offer));
  }

  // The offered plan that shows most; null when none shows anything new.
  const SurveyedPlan* Best() {
    Offered* best = nullptr;
    int most = 0;
    for (Offered& offer : offers_) {
      const int gain = Gain(offer);
      if (gain > most) {
        best = &offer;
        most = gain;
      }
    }
    if (best == nullptr) return nullptr;
    for (const std::string& key : best->keys) --wanted_[key];
    best->taken = true;
    return best->plan;
  }

 private:
  static constexpr int kPlansPerKey = 3;
  struct Offered {
    const SurveyedPlan* plan;
    std::set<std::string> keys = {};
    bool taken = false;
  };

  int Gain(const Offered& offer) const {
    if (offer.taken) return 0;
    int gain = 0;
    for (const std::string& key : offer.keys) gain += std::max(0, wanted_.at(key));
    return gain;
  }

  std::map<std::string, int> wanted_;
  std::vector<Offered> offers_;
};

absl::Status AddMixes(const Surveyor& surveyor, size_t layers, const Progress& progress,
                      PlanSurvey& survey) {
  const size_t classes = survey.classes.size();
  if (classes < 2) return absl::OkStatus();
  const size_t count = std::min(kMixesPerPair * classes * classes, kMostMixes);
  std::mt19937 random(kMixSeed);
  for (size_t i = 0; i < count; ++i) {
    HT_RETURN_IF_ERROR(progress.Step(1, "planning mixed precisions"));
    PlanSurvey::Mix mix;
    std::vector<Precision> precisions;
    for (size_t layer = 0; layer < layers; ++layer) {
      mix.classes.push_back(random() % classes);
      precisions.push_back(survey.classes[mix.classes.back()]);
    }
    HT_ASSIGN_OR_RETURN(mix.plan, surveyor.Describe(std::move(precisions)));
    survey.mixes.push_back(std::move(mix));
  }
  return absl::OkStatus();
}

}  // namespace

std::string UniformKey(absl::string_view key) { return absl::StrCat("uniform ", key); }

bool SurveyedPlan::IsUniform() const {
  return std::adjacent_find(precisions.begin(), precisions.end(), std::not_equal_to<>()) ==
         precisions.end();
}

std::set<std::string> SurveyedPlan::Keys() const {
  std::set<std::string> keys;
  const bool is_uniform = IsUniform();
  for (const PlanStep& step : steps) keys.insert(is_uniform ? UniformKey(step.key) : step.key);
  return keys;
}

std::set<std::string> PlanSurvey::Keys() const {
  std::set<std::string> keys;
  for (const SurveyedPlan& plan : uniform) keys.merge(plan.Keys());
  for (const Mix& mix : mixes) keys.merge(mix.plan.Keys());
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
  HT_RETURN_IF_ERROR(AddMixes(surveyor, count, progress, survey));
  return survey;
}

std::vector<std::vector<Precision>> CoverKeys(const PlanSurvey& survey,
                                              const std::set<std::string>& missing) {
  std::vector<std::vector<Precision>> chosen;
  KeyCover cover(missing);
  for (const SurveyedPlan& plan : survey.uniform) cover.Offer(plan);
  while (const SurveyedPlan* plan = cover.Best()) chosen.push_back(plan->precisions);
  for (const PlanSurvey::Mix& mix : survey.mixes) cover.Offer(mix.plan);
  while (const SurveyedPlan* plan = cover.Best()) chosen.push_back(plan->precisions);
  return chosen;
}

}  // namespace halftone
