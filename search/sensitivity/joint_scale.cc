#include "search/sensitivity/joint_scale.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/infinity.h"
#include "base/random.h"
#include "base/statistics.h"
#include "base/status_macros.h"
#include "search/sensitivity/evaluate.h"
#include "search/sensitivity/single_layer.h"

namespace halftone {
namespace {

// Levels are ranks among a layer's choices by loss, as shares: the worst quarter is left out.
constexpr double kMildest = 0.05, kHarshest = 0.7, kSpread = 0.3;

// Draws a choice for every layer, near the same rank everywhere.
class AssignmentDraw {
 public:
  AssignmentDraw(const ChoiceRequest& request, const SensitivityResult& result) {
    for (size_t l = 0; l < result.layers.size(); ++l) {
      const std::vector<ChoiceLoss>& choices = result.layers[l].choices;
      std::vector<size_t>& order = by_loss_.emplace_back(ChangedChoices(request.choices[l]));
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return choices[a].loss < choices[b].loss; });
    }
  }

  // An index per layer; -1 where there is nothing but the float layer.
  std::vector<int> Draw(double level, SplitMix64& random) const {
    std::vector<int> chosen;
    for (const std::vector<size_t>& order : by_loss_) {
      const double jitter = kSpread * (random.Uniform() - 0.5);
      const double rank = std::clamp(level + jitter, 0.0, 1.0) * static_cast<double>(order.size());
      const size_t place = std::min(static_cast<size_t>(rank), order.size() - 1);
      chosen.push_back(order.empty() ? -1 : static_cast<int>(order[place]));
    }
    return chosen;
  }

 private:
  std::vector<std::vector<size_t>> by_loss_;
};

double SumOfLosses(const SensitivityResult& result, const std::vector<int>& chosen) {
  double sum = 0;
  for (size_t l = 0; l < chosen.size(); ++l) {
    if (chosen[l] >= 0) sum += result.layers[l].choices[static_cast<size_t>(chosen[l])].loss;
  }
  return sum;
}

ChosenLayers ChoicesOf(const ChoiceRequest& request, const std::vector<int>& chosen) {
  ChosenLayers layers;
  for (size_t l = 0; l < chosen.size(); ++l) {
    if (chosen[l] < 0) continue;
    layers[request.layers()[l].name] = request.choices[l][static_cast<size_t>(chosen[l])];
  }
  return layers;
}

// The logarithms of measured over predicted loss with a part of the pairs' losses.
std::vector<double> LogRatios(const std::vector<JointSample>& samples, double part) {
  std::vector<double> ratios;
  for (const JointSample& sample : samples) {
    const double predicted = sample.singles + part * sample.pairs;
    if (predicted > 0 && sample.measured > 0) {
      ratios.push_back(std::log(sample.measured / predicted));
    }
  }
  return ratios;
}

}  // namespace

JointScale FitJointScale(const std::vector<JointSample>& samples, bool has_pairs) {
  constexpr int kParts = 16;  // of the pairs' losses that are tried, beside none
  const size_t comparable = LogRatios(samples, 0).size();
  JointScale best;
  double least = kInfinity;
  for (int i = has_pairs && comparable > 1 ? 0 : kParts; i <= kParts; ++i) {
    const double part = static_cast<double>(i) / kParts;
    const std::vector<double> ratios = LogRatios(samples, part);
    // Spreads are compared over the same assignments.
    if (ratios.empty() || ratios.size() < comparable) continue;
    const double spread = StandardDeviation(ratios);
    if (spread >= least) continue;
    least = spread;
    best = {std::exp(Median(ratios)), part};
  }
  return best;
}

absl::StatusOr<JointScale> MeasureJointScale(const ChoiceRequest& request,
                                             const SensitivityResult& result,
                                             const Progress& progress) {
  const int count = request.options.joint_assignments;
  if (count == 0) return JointScale();
  const Calibration none;
  // Draws have too little in common to keep activations for.
  HT_ASSIGN_OR_RETURN(const auto evaluator,
                      AssignmentEvaluator::Create(request.network, request.data, none,
                                                  progress.Part(0, 0.1), SampleValues::kNone,
                                                  /*kept_bytes=*/0));
  const AssignmentDraw draw(request, result);
  SplitMix64 random(request.options.seed, /*stream=*/1);
  std::vector<JointSample> samples;
  for (int i = 0; i < count; ++i) {
    const double share = (i + 0.5) / count;
    const std::vector<int> chosen = draw.Draw(kMildest + (kHarshest - kMildest) * share, random);
    JointSample sample;
    sample.singles = SumOfLosses(result, chosen);
    HT_ASSIGN_OR_RETURN(const double predicted, PredictLoss(result, chosen));
    sample.pairs = predicted - sample.singles;
    const auto part = [&](int done) { return 0.1 + 0.9 * done / count; };
    HT_ASSIGN_OR_RETURN(
        const Evaluation evaluation,
        evaluator->EvaluateChosen(ChoicesOf(request, chosen), progress.Part(part(i), part(i + 1))));
    sample.measured = evaluation.divergence;
    samples.push_back(sample);
  }
  return FitJointScale(samples, !result.interactions.empty());
}

}  // namespace halftone
