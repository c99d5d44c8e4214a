#ifndef HALFTONE_SEARCH_SENSITIVITY_DATA_CHECKS_H_
#define HALFTONE_SEARCH_SENSITIVITY_DATA_CHECKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "nn/graph/graph.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// A sample whose largest magnitude in an input is more than kFarTimes that of the usual sample (the
// median).
struct FarSample {
  std::string input;
  int64_t sample = 0;
  double largest = 0, usual = 0;
};
inline constexpr double kFarTimes = 100;
// Of the float inputs that `bound` reads, in the order of inputs and samples.
std::vector<FarSample> FindFarSamples(const Graph& bound, const Dataset& data);

// What else of the data a reader should know, by name: float inputs that are the same in all
// samples, arrays that no input reads, labels that never occur, fewer samples than classes. The
// data must fit the network.
absl::StatusOr<std::vector<std::string>> DataWarnings(const PreparedNetwork& network,
                                                      const Graph& bound, const Dataset& data);

// The samples to calibrate and to measure losses on.
struct CalibrationSamples {
  Dataset data;
  std::vector<std::string> warnings;  // of the samples that are far from the rest
};
// All of `data`, but for samples that are far from the rest (at most a tenth of them) where the
// others are measured to be served better without: every layer in w8a8, calibrated either way, does
// less to them by more than two standard errors and a tenth. Runs the network where there are such
// samples only; errors are those of Calibrate and AssignmentEvaluator.
absl::StatusOr<CalibrationSamples> ChooseCalibrationSamples(const PreparedNetwork& network,
                                                            const Dataset& data,
                                                            const QuantizationOptions& options,
                                                            const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_DATA_CHECKS_H_
