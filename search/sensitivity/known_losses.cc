#include "search/sensitivity/known_losses.h"

#include <optional>

namespace halftone {
namespace {

bool HasNoErrors(SensitivityMethod method) {
  return method == SensitivityMethod::kHessianEigenvalue || method == SensitivityMethod::kHawqV1;
}

bool DoesNothing(const ChoiceLoss& choice) {
  return choice.precision.IsFloat32() && choice.loss == 0;
}

// `of_weights`: the method speaks of nothing else.
bool IsKnown(const LayerSensitivity& layer, const ChoiceLoss& choice, bool of_weights) {
  const bool changes_weights = choice.precision.weights != NumberFormat();
  return !of_weights || DoesNothing(choice) || (changes_weights && !layer.weights.empty());
}

}  // namespace

void ForgetWhatIsNotKnown(SensitivityResult& result) {
  const bool of_weights = KnowsWeightsOnly(result.method);
  for (LayerSensitivity& layer : result.layers) {
    const bool is_probed = layer.trace_kind == TraceKind::kHutchinson;
    const bool has_errors = !HasNoErrors(result.method) && (result.samples > 1 || is_probed);
    if (!has_errors) layer.trace_stderr.reset();
    for (ChoiceLoss& choice : layer.choices) {
      choice.is_known = IsKnown(layer, choice, of_weights);
      if (DoesNothing(choice)) {
        choice.loss_stderr = 0;
      } else if (!choice.is_known || !has_errors) {
        choice.loss_stderr.reset();
      }
    }
  }
}

}  // namespace halftone
