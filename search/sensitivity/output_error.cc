#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/single_layer.h"

namespace halftone {

absl::StatusOr<SensitivityResult> MeasureOutputError(const ChoiceRequest& request,
                                                     const Progress& progress) {
  HT_ASSIGN_OR_RETURN(SingleLayerMeter meter, SingleLayerMeter::Create(request));
  SensitivityResult result = MakeResult(request);
  result.output_metric = meter.output_metric();
  const ChoiceColumns columns(request.choices);
  std::optional<SampleLosses> samples;
  if (request.options.resamples > 0) {
    HT_RETURN_IF_ERROR(CheckSampleLosses(result.samples, columns.size()));
    samples.emplace(static_cast<size_t>(result.samples), columns.size());
  }
  const auto layers = static_cast<double>(result.layers.size());
  for (size_t l = 0; l < result.layers.size(); ++l) {
    const auto position = static_cast<double>(l);
    const std::vector<size_t> changed = ChangedChoices(request.choices[l]);
    if (changed.empty()) continue;
    HT_ASSIGN_OR_RETURN(const std::vector<MeanEstimate> estimates,
                        meter.Measure(l, changed, columns.Begin(l), samples ? &*samples : nullptr,
                                      progress.Part(position / layers, (position + 1) / layers)));
    for (size_t i = 0; i < changed.size(); ++i) {
      ChoiceLoss& choice = result.layers[l].choices[changed[i]];
      choice.loss = estimates[i].mean();
      choice.loss_stderr = estimates[i].standard_error();
      choice.measured = true;
    }
  }
  if (samples.has_value()) {
    HT_ASSIGN_OR_RETURN(
        result.resampled_losses,
        samples->Resample(request.options.resamples, request.options.seed, progress.cancellation));
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return result;
}

}  // namespace halftone
