#ifndef HALFTONE_SEARCH_SENSITIVITY_REFERENCE_OUTPUTS_H_
#define HALFTONE_SEARCH_SENSITIVITY_REFERENCE_OUTPUTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/graph/tensor.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// How far an output of the float network is from what another runtime computed.
struct OutputDifference {
  std::string output;
  int64_t samples = 0;      // that were compared
  double max_absolute = 0;  // max |ours - reference|, of elements that are finite in both
  // max |ours - reference| / max |reference|; absent where an element is finite in one of them
  // alone, or the reference is 0 everywhere and ours is not.
  std::optional<double> max_relative = 0;
};

// Compares the float network's outputs on `data` with `reference`, arrays named as the outputs. An
// array has the samples of `data` in their order, and may end before them: along the axis where the
// model has them, else, as of a model for one sample, one whole output after the other. In the
// order of the model's outputs; those without an array are left out. INVALID_ARGUMENT names an
// array that is no output of the model, or whose shape does not fit, or says that there is none.
absl::StatusOr<std::vector<OutputDifference>> CompareWithReference(
    const PreparedNetwork& network, const Dataset& data,
    const std::map<std::string, Tensor>& reference, const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_REFERENCE_OUTPUTS_H_
