#include "search/first_answer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/cost_text.h"
#include "search/solver/solution.h"

namespace halftone {
namespace {

// What comes after it takes minutes.
constexpr absl::Duration kMostTime = absl::Seconds(5);

std::string TextOf(const SolveOutput& output, const SensitivityResult& sensitivity) {
  if (output.solution.status == Solution::Status::kInfeasible) {
    return "first answer: the budgets cannot be met, whatever the losses";
  }
  std::vector<std::string> parts;
  for (const auto& [metric, cost] : output.solution.cost) {
    if (!output.problem.budgets.contains(metric)) continue;
    parts.push_back(absl::StrCat(MetricTitle(metric), " ", FormatCost(metric, cost)));
  }
  return absl::StrFormat("first answer: predicted %s %.3g to second order%s%s; the search goes on",
                         sensitivity.output_metric, output.solution.loss, parts.empty() ? "" : ", ",
                         absl::StrJoin(parts, ", "));
}

}  // namespace

absl::StatusOr<FirstAnswer> FindFirstAnswer(const Tables& tables, const Offer& offer,
                                            SearchSpec spec, const Cancellation& cancellation) {
  spec.explain = false;
  spec.time_limit = std::min(spec.time_limit, kMostTime);
  HT_ASSIGN_OR_RETURN(const SolveOutput output,
                      SolveTables(tables, offer, spec, Progress{nullptr, cancellation}));
  const SensitivityResult& sensitivity = tables.sensitivity;
  nlohmann::json document = {{"is_final", false},
                             {"measure", LossMeasureToJson(MeasureOf(SensitivityMethod::kFisher,
                                                                     sensitivity.output_metric))},
                             {"solution", SolutionToJson(output.solution)},
                             {"reference_cost", output.reference_cost}};
  return FirstAnswer{document.dump(1), TextOf(output, sensitivity)};
}

}  // namespace halftone
