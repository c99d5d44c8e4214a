#include "base/status_macros.h"
#include "search/sensitivity/fisher_meter.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sample_losses.h"

namespace halftone {

absl::StatusOr<SensitivityResult> MeasureFisher(const ChoiceRequest& request,
                                                const Progress& progress) {
  const SensitivityOptions& options = request.options;
  // Squares of single elements have no products with another layer's.
  const bool interactions = options.interactions && options.method == SensitivityMethod::kFisher;
  HT_ASSIGN_OR_RETURN(const FisherMeasurement fisher,
                      MeasureFisherMatrix(request,
                                          {.keep_matrix = interactions,
                                           .keep_errors = interactions,
                                           .keep_samples = options.resamples > 0},
                                          progress));
  SensitivityResult result = MakeResult(request);
  result.output_metric = fisher.output_metric;
  SetFisherLosses(fisher.matrix, result);
  result.interactions = fisher.matrix.Matrix();
  result.interaction_errors = fisher.matrix.Errors();
  if (options.resamples > 0) {
    const SampleLosses samples(fisher.matrix.sample_losses(), fisher.matrix.size());
    HT_ASSIGN_OR_RETURN(result.resampled_losses,
                        samples.Resample(options.resamples, options.seed, progress.cancellation));
  }
  return result;
}

}  // namespace halftone
