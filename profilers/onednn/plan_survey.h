#ifndef HALFTONE_PROFILERS_ONEDNN_PLAN_SURVEY_H_
#define HALFTONE_PROFILERS_ONEDNN_PLAN_SURVEY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/progress.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "profilers/onednn/profiling_assignment.h"

namespace halftone {

// One plan's steps, described without making it.
struct SurveyedPlan {
  std::vector<Precision> precisions;  // of every layer
  std::vector<PlanStep> steps;
};

// The plans whose steps tell all costs: for every precision the uniform plan, and the plans that
// differ from a uniform one in a single layer. Precisions whose kernels and stored forms are the
// same are represented by the first of them.
struct PlanSurvey {
  std::vector<Precision> classes;        // one precision for each kind of plan
  std::map<Precision, size_t> class_of;  // of every precision of the request
  std::vector<SurveyedPlan> uniform;     // by class
  // (class of all others, layer, class of that layer), the two classes being different.
  struct Flip {
    size_t rest, layer, own;
    auto operator<=>(const Flip&) const = default;
  };
  std::map<Flip, SurveyedPlan> flips;

  // All keys of all these plans.
  std::set<std::string> Keys() const;
};

absl::StatusOr<PlanSurvey> SurveyPlans(const Graph& graph, const LayerSet& layers,
                                       const ProfilingAssignment& assignment,
                                       absl::Span<const Precision> precisions,
                                       const PlanOptions& options, const Progress& progress);

// Assignments whose plans together run every key in `missing` (keys of `survey`), the uniform ones
// first, then those that differ from a uniform one in every third or fourth layer, then single
// differences: few plans in all.
absl::StatusOr<std::vector<std::vector<Precision>>> CoverKeys(
    const Graph& graph, const LayerSet& layers, const ProfilingAssignment& assignment,
    const PlanSurvey& survey, const PlanOptions& options, std::set<std::string> missing,
    const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_PLAN_SURVEY_H_
