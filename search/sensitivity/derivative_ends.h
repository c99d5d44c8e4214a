#ifndef HALFTONE_SEARCH_SENSITIVITY_DERIVATIVE_ENDS_H_
#define HALFTONE_SEARCH_SENSITIVITY_DERIVATIVE_ENDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sample_losses.h"

// Operators without a useful derivative (positions of maxima, roundings, conversions to integers)
// end the gradient: what layers change through them, second order does not see. Of layers whose
// every way to the outputs is ended so it would say that they change nothing.
namespace halftone {

struct DerivativeEnds {
  std::vector<std::string> nodes;      // "'name' (Op)" of each node at which one ends
  std::vector<std::string> of_layers;  // by layer: the nodes at which all of its end; "" for others

  // For methods that take none: nothing ends.
  static DerivativeEnds None(size_t layers) { return {{}, std::vector<std::string>(layers)}; }
  // By layer, whether all of its derivatives end.
  bool IsEnded(size_t layer) const { return !of_layers[layer].empty(); }
};

// Of a network from its heads back to its layers. A condition is no end: the derivative in it is 0
// almost everywhere, as it is in the sign that a rectifier looks at.
absl::StatusOr<DerivativeEnds> FindDerivativeEnds(const PreparedNetwork& network,
                                                  const std::vector<Head>& heads);

// Replaces the losses of ended layers by those really measured, every choice of them, and notes it.
// `samples` may be nullptr.
absl::Status MeasureEndedLayers(const ChoiceRequest& request, const DerivativeEnds& ends,
                                SampleLosses* samples, const Progress& progress,
                                SensitivityResult& result);
// Notes for methods that know of nothing but derivatives that their losses of ended layers say
// nothing.
void ForgetEndedLayers(const DerivativeEnds& ends, SensitivityResult& result);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_DERIVATIVE_ENDS_H_
