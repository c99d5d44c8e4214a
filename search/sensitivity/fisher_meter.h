#ifndef HALFTONE_SEARCH_SENSITIVITY_FISHER_METER_H_
#define HALFTONE_SEARCH_SENSITIVITY_FISHER_METER_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/sensitivity/fisher_matrix.h"
#include "search/sensitivity/methods.h"

namespace halftone {

struct FisherMeasurement {
  FisherMatrix matrix;
  std::string output_metric;  // "kl" or "mse"
};

// Streams the samples through the derivative program and accumulates the Fisher interaction matrix
// of all choices, or its diagonal alone, for the pairs that the request asks for.
// RESOURCE_EXHAUSTED for a matrix of too many choices; INVALID_ARGUMENT names a layer whose
// derivative or result is not finite.
absl::StatusOr<FisherMeasurement> MeasureFisherMatrix(const ChoiceRequest& request,
                                                      const FisherMatrix::Options& options,
                                                      const Progress& progress);

// The losses of the matrix's diagonal as those of the result.
void SetFisherLosses(const FisherMatrix& matrix, SensitivityResult& result);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FISHER_METER_H_
