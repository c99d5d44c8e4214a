#ifndef HALFTONE_SEARCH_SENSITIVITY_TRACES_H_
#define HALFTONE_SEARCH_SENSITIVITY_TRACES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/weight_tensors.h"

namespace halftone {

// The trace of the Hessian's block of one weight tensor.
struct TraceEstimate {
  double value = 0;
  double standard_error = 0;  // kHutchinson: over probes; else over samples
  TraceKind kind = TraceKind::kHutchinson;
};

// Of every tensor of the file, for the loss that the request asks for (hessian_loss.h).
struct NetworkTraces {
  std::vector<WeightTensor> tensors;
  std::vector<TraceEstimate> traces;
  std::string output_metric;
  int probes = 0;             // that Hutchinson took
  bool labels_drawn = false;  // the expectation over the outputs is sampled, not taken exactly
};

// Without probes: sum_k w_nk || d(u_nk . f)/dW ||^2 averaged over samples, with the cotangents u
// of OutputCotangents. That is the trace of the Gauss-Newton matrix; it is the Hessian's where the
// output is piecewise linear in the tensor, and for a divergence always. UNIMPLEMENTED names a
// layer whose samples cannot be told apart in a file with a fixed batch.
absl::StatusOr<NetworkTraces> ExactTraces(const SensitivityRequest& request,
                                          const Progress& progress);

// By Hutchinson's probes, until every tensor's relative standard error is within the tolerance or
// the probes are spent.
absl::StatusOr<NetworkTraces> HutchinsonTraces(const SensitivityRequest& request,
                                               const Progress& progress);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_TRACES_H_
