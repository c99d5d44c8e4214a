#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "base/status_macros.h"
#include "search/sensitivity/corrected_groups.h"
#include "search/sensitivity/derivative_ends.h"
#include "search/sensitivity/fisher_meter.h"
#include "search/sensitivity/joint_scale.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sample_losses.h"
#include "search/sensitivity/single_layer.h"

// The estimator of docs/methods.md, "Where second order ends": losses of single choices from the
// Fisher matrix where they are small and really measured where they are not, correlations between
// layers from the Fisher matrix throughout, and one factor for all layers together.
namespace halftone {
namespace {

constexpr double kLeastPart = 1e-3;

// Second order is believed where it is this close to what was measured. Both are means over the
// same samples, so that most of their sampling error is common to both and no allowance is made for
// it.
constexpr double kTolerance = 0.15;

bool Agree(const ChoiceLoss& predicted, const MeanEstimate& measured) {
  return std::abs(predicted.loss - measured.mean()) <= kTolerance * measured.mean();
}

std::map<size_t, size_t> DominatedOf(const ChoiceRequest& request, size_t layer) {
  return request.dominated.empty() ? std::map<size_t, size_t>() : request.dominated[layer];
}

// Replaces the losses of the Fisher matrix by measured ones where they are needed.
class Corrector {
 public:
  // Borrows all of them; `samples` may be nullptr.
  Corrector(const ChoiceRequest& request, SingleLayerMeter& meter, SampleLosses* samples)
      : request_(request), meter_(meter), columns_(request.choices), samples_(samples) {}

  // Measures a layer's choices from the most damaging downward, until those measured together agree
  // with the losses that are there.
  absl::Status CorrectLayer(size_t layer, std::vector<ChoiceLoss>& choices,
                            const Progress& progress) const {
    std::vector<size_t> order = ChangedChoices(request_.choices[layer]);
    const std::map<size_t, size_t> dominated = DominatedOf(request_, layer);
    std::erase_if(order, [&](size_t choice) { return dominated.contains(choice); });
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return choices[a].loss > choices[b].loss; });
    const size_t together = MeasuredTogether(order.size());
    const auto share = [&](size_t done) {
      return static_cast<double>(done) / static_cast<double>(order.size());
    };
    for (size_t begin = 0; begin < order.size(); begin += together) {
      const size_t end = std::min(begin + together, order.size());
      HT_ASSIGN_OR_RETURN(const bool agree,
                          CorrectChoices(layer, absl::MakeSpan(order).subspan(begin, end - begin),
                                         choices, progress.Part(share(begin), share(end))));
      if (agree) break;
    }
    for (const auto& [choice, by] : dominated) {
      if (choices[choice].loss >= choices[by].loss) continue;
      choices[choice].loss = choices[by].loss;
      choices[choice].loss_stderr = choices[by].loss_stderr;
    }
    return progress.Step(1);
  }

 private:
  // Whether all of them agreed before they were replaced.
  absl::StatusOr<bool> CorrectChoices(size_t layer, absl::Span<const size_t> which,
                                      std::vector<ChoiceLoss>& choices,
                                      const Progress& progress) const {
    HT_ASSIGN_OR_RETURN(const std::vector<MeanEstimate> measured,
                        meter_.Measure(layer, which, columns_.Begin(layer), samples_, progress));
    bool agree = true;
    for (size_t i = 0; i < which.size(); ++i) {
      ChoiceLoss& choice = choices[which[i]];
      agree = agree && Agree(choice, measured[i]);
      if (!choice.measured) choice.second_order = choice.loss;
      choice.loss = measured[i].mean();
      choice.loss_stderr = measured[i].standard_error();
      choice.measured = true;
    }
    return agree;
  }

  const ChoiceRequest& request_;
  SingleLayerMeter& meter_;
  ChoiceColumns columns_;
  SampleLosses* samples_;
};

// G'_ab = G_ab sqrt(G'_aa / G_aa) sqrt(G'_bb / G_bb): rows of S scaled, still positive
// semi-definite. Standard errors are scaled alike.
void SetInteractions(const FisherMatrix& fisher, SensitivityResult& result) {
  const size_t size = fisher.size();
  result.interactions = fisher.Matrix();
  result.interaction_errors = fisher.Errors();
  if (result.interactions.empty()) return;
  std::vector<const ChoiceLoss*> choices;
  std::vector<double> scale;
  for (const LayerSensitivity& layer : result.layers) {
    for (const ChoiceLoss& choice : layer.choices) {
      const double before = fisher.Loss(choices.size());
      scale.push_back(before > 0 ? std::sqrt(std::max(0.0, choice.loss) / before) : 0.0);
      choices.push_back(&choice);
    }
  }
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) {
      result.interactions[a * size + b] *= scale[a] * scale[b];
      result.interaction_errors[a * size + b] *= scale[a] * scale[b];
    }
    result.interactions[a * size + a] = 2 * choices[a]->loss;
    result.interaction_errors[a * size + a] = 2 * choices[a]->loss_stderr.value_or(0);
  }
}

// Multiplies all but the diagonal: a mean of the matrix and its diagonal, so still positive
// semi-definite.
void ScalePairs(double scale, SensitivityResult& result) {
  if (result.interactions.empty()) return;
  size_t size = 0;
  for (const LayerSensitivity& layer : result.layers) size += layer.choices.size();
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = 0; b < size; ++b) {
      if (a == b) continue;
      result.interactions[a * size + b] *= scale;
      result.interaction_errors[a * size + b] *= scale;
    }
  }
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureFisherCorrected(const ChoiceRequest& request,
                                                         const DerivativeEnds& ends,
                                                         const Progress& progress) {
  const SensitivityOptions& options = request.options;
  HT_ASSIGN_OR_RETURN(SingleLayerMeter meter, SingleLayerMeter::Create(request));
  HT_ASSIGN_OR_RETURN(const FisherMeasurement fisher,
                      MeasureFisherMatrix(request,
                                          {.keep_matrix = options.interactions,
                                           .keep_errors = options.interactions,
                                           .keep_samples = options.resamples > 0},
                                          progress.Part(0, 0.45)));
  SensitivityResult result = MakeResult(request);
  result.output_metric = fisher.output_metric;
  std::optional<SampleLosses> samples;
  if (options.resamples > 0) samples.emplace(fisher.matrix.sample_losses(), fisher.matrix.size());
  SetFisherLosses(fisher.matrix, result);
  SampleLosses* const of_samples = samples.has_value() ? &*samples : nullptr;
  HT_RETURN_IF_ERROR(
      MeasureEndedLayers(request, ends, of_samples, progress.Part(0.45, 0.5), result));
  if (request.first_losses) HT_RETURN_IF_ERROR(request.first_losses(result));
  const Corrector corrector(request, meter, of_samples);
  const Progress rest = progress.Part(0.5, 0.85);
  const auto layers = static_cast<double>(result.layers.size());
  for (size_t l = 0; l < result.layers.size(); ++l) {
    if (ends.IsEnded(l)) continue;
    const auto position = static_cast<double>(l);
    HT_RETURN_IF_ERROR(corrector.CorrectLayer(
        l, result.layers[l].choices, rest.Part(position / layers, (position + 1) / layers)));
  }
  SetInteractions(fisher.matrix, result);
  HT_ASSIGN_OR_RETURN(const JointScale joint,
                      MeasureJointScale(request, result, progress.Part(0.85, 1)));
  result.joint_scale = joint.loss;
  // Next to nothing in the place of nothing: whoever asks for the pairs' losses as they are divides
  // by it.
  result.pair_scale = std::max(joint.pairs, kLeastPart);
  ScalePairs(result.pair_scale, result);
  if (samples.has_value()) {
    HT_ASSIGN_OR_RETURN(result.resampled_losses,
                        samples->Resample(options.resamples, options.seed, progress.cancellation));
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return result;
}

}  // namespace halftone
