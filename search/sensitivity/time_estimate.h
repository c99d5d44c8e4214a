#ifndef HALFTONE_SEARCH_SENSITIVITY_TIME_ESTIMATE_H_
#define HALFTONE_SEARCH_SENSITIVITY_TIME_ESTIMATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/cancellation.h"
#include "search/sensitivity/sensitivity.h"

// How long calibrating and measuring will take, said before it begins: from the layers'
// multiply-adds, the samples and the precisions, and from how fast this machine runs the network
// now.
namespace halftone {

// Work in passes of the float network over all samples.
struct SensitivityWork {
  double calibration = 0;
  double first = 0;  // until the losses are there to second order
  // What comes after it: where second order is believed wherever it may be, and nowhere.
  double least_after = 0, most_after = 0;
  // How often the network is compiled for that.
  double least_compiled = 0, most_compiled = 0;
};

// Of the methods fisher, fisher-corrected, fisher-elementwise, output and sqnr; nothing after
// calibration for others.
absl::StatusOr<SensitivityWork> SensitivityWorkOf(const PreparedNetwork& network, int64_t samples,
                                                  const std::vector<Precision>& precisions,
                                                  const SensitivityOptions& options);

// What this machine takes now for a pass over all samples, and to compile the network.
struct MachineSpeed {
  absl::Duration pass, compile;
};
// Runs some samples twice, and counts the second time: about a tenth of a second, or two samples.
absl::StatusOr<MachineSpeed> MeasureSpeed(const PreparedNetwork& network, const Dataset& data,
                                          const Cancellation& cancellation);

// "estimate: calibration 10 s, losses to second order about 20 s, all of them 2.0 min to 5.1 min",
// or "" for methods whose time is not known before. Errors of MeasureSpeed.
absl::StatusOr<std::string> EstimateSensitivityTime(const PreparedNetwork& network,
                                                    const Dataset& data,
                                                    const std::vector<Precision>& precisions,
                                                    const SensitivityOptions& options,
                                                    const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_TIME_ESTIMATE_H_
