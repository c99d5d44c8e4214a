#include "base/status_macros.h"
#include "search/sensitivity/fisher_meter.h"
#include "search/sensitivity/methods.h"

namespace halftone {

absl::StatusOr<SensitivityResult> MeasureFisher(const ChoiceRequest& request,
                                                const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const FisherMeasurement fisher,
                      MeasureFisherMatrix(request, request.options.interactions, progress));
  SensitivityResult result = MakeResult(request);
  result.output_metric = fisher.output_metric;
  size_t column = 0;
  for (LayerSensitivity& layer : result.layers) {
    for (ChoiceLoss& choice : layer.choices) {
      choice.loss = fisher.matrix.Loss(column);
      choice.loss_stderr = fisher.matrix.LossError(column);
      ++column;
    }
  }
  result.interactions = fisher.matrix.Matrix();
  return result;
}

}  // namespace halftone
