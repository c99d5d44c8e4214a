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
  double calibration = 0;  // but for:
  double weighing = 0;     // multiply-adds of finding the scales of weights, by no pass
  double first = 0;        // until the losses are there to second order
  // What comes after it: where second order is believed wherever it may be, and nowhere.
  double least_after = 0, most_after = 0;
  // How often the network is compiled for that.
  double least_compiled = 0, most_compiled = 0;
};

// Of the methods fisher, fisher-corrected, fisher-elementwise, output and sqnr; nothing after
// calibration for others.
absl::StatusOr<SensitivityWork> SensitivityWorkOf(const PreparedNetwork& network,
                                                  const std::vector<Precision>& precisions,
                                                  const SensitivityOptions& options);

// What this machine takes now for a pass over all samples, to compile the network, and for 10^9
// multiply-adds of weighing.
struct MachineSpeed {
  absl::Duration pass, compile, weighing;
};
// Runs some samples a few times, about a tenth of a second each or one batch, and counts the
// fastest after the first: what others do on the machine in a moment is not multiplied.
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
