#ifndef HALFTONE_SEARCH_SENSITIVITY_METHODS_H_
#define HALFTONE_SEARCH_SENSITIVITY_METHODS_H_

#include <cstddef>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/float_prefix.h"
#include "search/sensitivity/sensitivity.h"

// The methods behind MeasureSensitivity, one file each. `data` holds exactly the samples to use.
namespace halftone {

struct DerivativeEnds;

struct SensitivityRequest {
  const PreparedNetwork& network;
  const Dataset& data;
  const Calibration& calibration;
  const std::vector<Precision>& precisions;
  const SensitivityOptions& options;
  ExecutedLayers executed = {};                    // of methods that speak of more than weights
  double kept_bytes = FloatPrefix::kMaxKeptBytes;  // as ChoiceRequest's
  FirstLosses first_losses = nullptr;              // likewise
  DominatedChoices dominated = {};
};

// What the methods are asked that know of a choice only how to append it to a program.
struct ChoiceRequest {
  const PreparedNetwork& network;
  const Dataset& data;
  const LayerChoices& choices;
  const SensitivityOptions& options;
  // Of the float network's values that may be kept where layers are really computed otherwise.
  double kept_bytes = FloatPrefix::kMaxKeptBytes;
  FirstLosses first_losses = nullptr;  // see MeasureSensitivity
  // By layer and choice: the choice that dominates it, which is not dominated itself; of those that
  // are left out, none.
  std::vector<std::map<size_t, size_t>> dominated = {};

  const std::vector<Layer>& layers() const { return network.layers.layers; }
};

// Derivatives of layers that `ends` names are of no use: their losses are measured.
absl::StatusOr<SensitivityResult> MeasureFisher(const ChoiceRequest& request,
                                                const DerivativeEnds& ends,
                                                const Progress& progress);
absl::StatusOr<SensitivityResult> MeasureFisherCorrected(const ChoiceRequest& request,
                                                         const DerivativeEnds& ends,
                                                         const Progress& progress);
absl::StatusOr<SensitivityResult> MeasureOutputError(const ChoiceRequest& request,
                                                     const Progress& progress);
absl::StatusOr<SensitivityResult> MeasureSqnr(const ChoiceRequest& request,
                                              const Progress& progress);

absl::StatusOr<SensitivityResult> MeasureHessianTrace(const SensitivityRequest& request,
                                                      const Progress& progress);
absl::StatusOr<SensitivityResult> MeasureHessianTraceExact(const SensitivityRequest& request,
                                                           const Progress& progress);
absl::StatusOr<SensitivityResult> MeasureHessianForm(const SensitivityRequest& request,
                                                     const Progress& progress);
absl::StatusOr<SensitivityResult> MeasureHawqV2(const SensitivityRequest& request,
                                                const Progress& progress);
absl::StatusOr<SensitivityResult> MeasureHawqV3(const SensitivityRequest& request,
                                                const Progress& progress);
// kHessianEigenvalue and kHawqV1.
absl::StatusOr<SensitivityResult> MeasureHessianEigenvalue(const SensitivityRequest& request,
                                                           const Progress& progress);

// The frame of a result: method, samples, seed, and every layer with a zero loss per precision or
// choice.
SensitivityResult MakeResult(const SensitivityRequest& request);
SensitivityResult MakeResult(const ChoiceRequest& request);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_METHODS_H_
