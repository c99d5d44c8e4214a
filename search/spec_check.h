#ifndef HALFTONE_SEARCH_SPEC_CHECK_H_
#define HALFTONE_SEARCH_SPEC_CHECK_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nn/quant/precision.h"
#include "profilers/cost_profiler.h"
#include "search/network_summary.h"
#include "search/search_spec.h"
#include "search/solver/problem.h"

// What can be said of a spec before anything is measured for it. All errors are INVALID_ARGUMENT
// with the field of the spec that is at fault. Thread-safe.
namespace halftone {

// Whether a frontier over that metric can be computed, on any target.
absl::Status CheckFrontier(Metric frontier);
// Whether the metrics of budgets, frontier and objectives are such as the target has costs in, as
// far as its profiler knows that before it profiles; null where that is not to be asked. Needs no
// network.
absl::Status CheckMetrics(const SearchSpec& spec, const CostProfiler* profiler);
// The error of a target without costs in a metric that `what` ("frontier") is on.
absl::Status NoCosts(absl::string_view target, Metric metric, absl::string_view what);

// The network's ties, as those of the problem.
void AddTies(const NetworkSummary& network, Problem& problem);

// Puts the spec's pins and rules, but for the loss factors, into a problem of the network, whose
// layers offer the same choices, named by precision. Names the pin or the rule that matches no
// layer, is of a precision that is not offered, contradicts another or leaves a layer without a
// choice; and what CheckProblem then refuses.
absl::Status ApplyChoices(const SearchSpec& spec, const NetworkSummary& network, Problem& problem);

// Whether the spec's method tells the precisions that are offered apart, and whether its pins,
// rules and loss factors are of layers of the network and can be kept with the precisions that are
// offered: all that ApplyChoices and ScaleLosses would refuse once losses and costs are there. Of
// the network, layers and ties are looked at.
absl::Status CheckChoices(const SearchSpec& spec, const NetworkSummary& network,
                          const std::vector<Precision>& offered);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SPEC_CHECK_H_
