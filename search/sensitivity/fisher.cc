#include <optional>

#include "base/status_macros.h"
#include "search/sensitivity/derivative_ends.h"
#include "search/sensitivity/fisher_meter.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sample_losses.h"

namespace halftone {
namespace {

// Measured losses are no entries of the Fisher matrix, whose diagonal is twice the losses.
void SetDiagonal(SensitivityResult& result) {
  if (result.interactions.empty()) return;
  size_t size = 0, column = 0;
  for (const LayerSensitivity& layer : result.layers) size += layer.choices.size();
  for (const LayerSensitivity& layer : result.layers) {
    for (const ChoiceLoss& choice : layer.choices) {
      const size_t at = column++ * (size + 1);
      if (!choice.measured) continue;
      result.interactions[at] = 2 * choice.loss;
      result.interaction_errors[at] = 2 * choice.loss_stderr.value_or(0);
    }
  }
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureFisher(const ChoiceRequest& request,
                                                const DerivativeEnds& ends,
                                                const Progress& progress) {
  const SensitivityOptions& options = request.options;
  // Squares of single elements have no products with another layer's.
  const bool interactions = options.interactions && options.method == SensitivityMethod::kFisher;
  HT_ASSIGN_OR_RETURN(const FisherMeasurement fisher,
                      MeasureFisherMatrix(request,
                                          {.keep_matrix = interactions,
                                           .keep_errors = interactions,
                                           .keep_samples = options.resamples > 0},
                                          progress.Part(0, 0.9)));
  SensitivityResult result = MakeResult(request);
  result.output_metric = fisher.output_metric;
  SetFisherLosses(fisher.matrix, result);
  result.interactions = fisher.matrix.Matrix();
  result.interaction_errors = fisher.matrix.Errors();
  std::optional<SampleLosses> samples;
  if (options.resamples > 0) samples.emplace(fisher.matrix.sample_losses(), fisher.matrix.size());
  HT_RETURN_IF_ERROR(MeasureEndedLayers(request, ends, samples.has_value() ? &*samples : nullptr,
                                        progress.Part(0.9, 1), result));
  SetDiagonal(result);
  if (samples.has_value()) {
    HT_ASSIGN_OR_RETURN(result.resampled_losses,
                        samples->Resample(options.resamples, options.seed, progress.cancellation));
  }
  return result;
}

}  // namespace halftone
