#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

absl::Status CheckOptions(const SensitivityOptions& options) {
  if (options.batch < 1 || options.draws < 1 || options.probes < 1 || options.eigenvalues < 1) {
    return absl::InvalidArgumentError("batch, draws, probes and eigenvalues must be at least 1");
  }
  if (options.samples < 0) {
    return absl::InvalidArgumentError(absl::StrCat("samples is negative: ", options.samples));
  }
  if (!std::isfinite(options.tolerance) || options.tolerance < 0) {
    return absl::InvalidArgumentError("tolerance must be a number that is not negative");
  }
  return absl::OkStatus();
}

absl::StatusOr<SensitivityResult> Dispatch(const SensitivityRequest& request,
                                           const Progress& progress) {
  switch (request.options.method) {
    case SensitivityMethod::kFisher:
      return MeasureFisher(request, progress);
    case SensitivityMethod::kHessianTrace:
      return MeasureHessianTrace(request, progress);
    case SensitivityMethod::kHessianEigenvalue:
      return MeasureHessianEigenvalue(request, progress);
    case SensitivityMethod::kOutput:
      return MeasureOutputError(request, progress);
  }
  return absl::InvalidArgumentError("unknown sensitivity method");
}

absl::Status CheckFinite(const SensitivityResult& result) {
  for (const LayerSensitivity& layer : result.layers) {
    bool is_finite = std::isfinite(layer.trace.value_or(0));
    for (const double eigenvalue : layer.eigenvalues) is_finite &= std::isfinite(eigenvalue);
    for (const ChoiceLoss& choice : layer.choices) {
      is_finite &= std::isfinite(choice.loss) && std::isfinite(choice.loss_stderr);
    }
    if (!is_finite) {
      return absl::InternalError(
          absl::StrCat("layer '", layer.name, "': its sensitivity is not finite"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

SensitivityResult MakeResult(const SensitivityRequest& request) {
  SensitivityResult result;
  result.method = request.options.method;
  result.samples = request.data.samples();
  result.seed = request.options.seed;
  for (const Layer& layer : request.network.layers.layers) {
    LayerSensitivity& row = result.layers.emplace_back();
    row.name = layer.name;
    row.weights = layer.weights;
    for (const Precision& precision : request.precisions) row.choices.push_back({precision, 0, 0});
  }
  return result;
}

absl::StatusOr<SensitivityResult> MeasureSensitivity(const PreparedNetwork& network,
                                                     const Dataset& data,
                                                     const Calibration& calibration,
                                                     const std::vector<Precision>& precisions,
                                                     const SensitivityOptions& options,
                                                     const Progress& progress) {
  HT_RETURN_IF_ERROR(CheckOptions(options));
  const Dataset samples = options.samples == 0 ? data : data.Take(options.samples);
  HT_ASSIGN_OR_RETURN(SensitivityResult result,
                      Dispatch({network, samples, calibration, precisions, options}, progress));
  HT_RETURN_IF_ERROR(CheckFinite(result));
  return result;
}

}  // namespace halftone
