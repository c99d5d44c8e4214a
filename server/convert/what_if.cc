#include "server/convert/what_if.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

constexpr size_t kMaxWeights = 64;
constexpr double kMaxInteractions = 1e6;

}  // namespace

absl::StatusOr<WhatIf> WhatIfFromProto(const v1::ReSolveRequest& request) {
  WhatIf what_if;
  if (request.weights().size() > kMaxWeights) {
    return AtField("weights",
                   absl::InvalidArgumentError(absl::StrCat(
                       request.weights().size(), " are too many, the limit is ", kMaxWeights)));
  }
  std::map<std::string, double> weights;
  for (const auto& [metric, weight] : request.weights()) {
    HT_RETURN_IF_ERROR(AtField("weights", CheckLength("metric", metric, 64)));
    weights[metric] = weight;
  }
  HT_ASSIGN_OR_RETURN(what_if.weights, ParseWeights(weights));
  if (!(request.interactions() >= 0 && request.interactions() <= kMaxInteractions)) {
    return AtField("interactions",
                   absl::InvalidArgumentError(absl::StrCat(
                       request.interactions(), " is not between 0 and ", kMaxInteractions)));
  }
  what_if.interactions = request.interactions();
  // To trace one with the losses of pairs takes long.
  what_if.frontier = what_if.interactions == 0 || !request.frontier_metric().empty();
  return what_if;
}

}  // namespace halftone
