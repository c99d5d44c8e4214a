#ifndef HALFTONE_SEARCH_SENSITIVITY_BIAS_CORRECTION_H_
#define HALFTONE_SEARCH_SENSITIVITY_BIAS_CORRECTION_H_

#include "absl/status/status.h"
#include "base/cancellation.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/moment_meter.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// Fills in the shifts of every calibrated layer that has a bias (FindLayerBias) and was watched:
// what its quantizers add to its result in the mean over the rows that `meter` has taken of its
// source, the source being the float network's. `graph` is bound.
absl::Status CorrectBiases(const PreparedNetwork& network, const Graph& graph,
                           const MomentMeter& meter, Calibration& calibration,
                           const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_BIAS_CORRECTION_H_
