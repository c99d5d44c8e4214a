#include <algorithm>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/traces.h"

namespace halftone {
namespace {

// Losses trace / |W| * ||Q(W) - W||^2 with weights quantized as `quantization` says.
absl::StatusOr<SensitivityResult> ResultOf(const SensitivityRequest& request,
                                           const QuantizationOptions& quantization,
                                           const NetworkTraces& traces,
                                           const Cancellation& cancellation) {
  SensitivityResult result = MakeResult(request);
  result.output_metric = traces.output_metric;
  result.probes = traces.probes;
  result.labels_drawn = traces.labels_drawn;
  std::vector<ScaledError> scales;
  for (size_t t = 0; t < traces.tensors.size(); ++t) {
    const TraceEstimate& trace = traces.traces[t];
    scales.push_back({trace.value, trace.standard_error});
    for (const size_t l : traces.tensors[t].layers) {
      result.layers[l].trace = trace.value;
      result.layers[l].trace_stderr = trace.standard_error;
      result.layers[l].trace_kind = trace.kind;
    }
  }
  HT_RETURN_IF_ERROR(
      SetWeightLosses(request, quantization, traces.tensors, scales, cancellation, result));
  return result;
}

// The Hessian's trace of every tensor: exactly where it can be had, by probes for the rest.
absl::StatusOr<NetworkTraces> HessianTraces(const SensitivityRequest& request,
                                            const Progress& progress) {
  HT_ASSIGN_OR_RETURN(NetworkTraces traces, ExactTraces(request, progress.Part(0, 0.3)));
  const auto is_hessian = [](const TraceEstimate& t) { return t.kind == TraceKind::kExact; };
  if (std::all_of(traces.traces.begin(), traces.traces.end(), is_hessian)) {
    HT_RETURN_IF_ERROR(progress.Step(1));
    return traces;
  }
  HT_ASSIGN_OR_RETURN(const NetworkTraces probed, HutchinsonTraces(request, progress.Part(0.3, 1)));
  traces.probes = probed.probes;
  for (size_t t = 0; t < traces.traces.size(); ++t) {
    if (!is_hessian(traces.traces[t])) traces.traces[t] = probed.traces[t];
  }
  return traces;
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureHessianTrace(const SensitivityRequest& request,
                                                      const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const NetworkTraces traces, HutchinsonTraces(request, progress));
  return ResultOf(request, request.calibration.options, traces, progress.cancellation);
}

absl::StatusOr<SensitivityResult> MeasureHessianTraceExact(const SensitivityRequest& request,
                                                           const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const NetworkTraces traces, ExactTraces(request, progress));
  return ResultOf(request, request.calibration.options, traces, progress.cancellation);
}

absl::StatusOr<SensitivityResult> MeasureHawqV2(const SensitivityRequest& request,
                                                const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const NetworkTraces traces, HessianTraces(request, progress));
  return ResultOf(request, request.calibration.options, traces, progress.cancellation);
}

absl::StatusOr<SensitivityResult> MeasureHawqV3(const SensitivityRequest& request,
                                                const Progress& progress) {
  HT_ASSIGN_OR_RETURN(const NetworkTraces traces, HessianTraces(request, progress));
  QuantizationOptions quantization;
  quantization.weight_symmetry = Symmetry::kSymmetricRestricted;
  quantization.weights_per_channel = true;
  return ResultOf(request, quantization, traces, progress.cancellation);
}

}  // namespace halftone
