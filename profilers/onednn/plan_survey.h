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

  // All layers have one: also of random ones, where layers are few.
  bool IsUniform() const;
  // Of the times of its steps.
  std::set<std::string> Keys() const;
};

// A step in a uniform plan runs the same code as many before it, and finds it in the caches of
// instructions; among other precisions it takes up to a tenth longer where kernels are short. So
// its time in a uniform plan has a key of its own.
std::string UniformKey(absl::string_view key);

// The plans whose steps tell all costs: for every precision the uniform plan, and random ones; and
// those that differ from a uniform one in a single layer, whose steps are not timed, but tell which
// layers affect each other. Precisions whose kernels and stored forms are the same are represented
// by the first of them.
struct PlanSurvey {
  std::vector<Precision> classes;        // one precision for each kind of plan
  std::map<Precision, size_t> class_of;  // of every precision of the request
  std::vector<SurveyedPlan> uniform;     // by class
  // (class of all others, layer, class of that layer), the two classes being different.
  struct Flip {
    size_t rest, layer, own;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes what is defaulted for a zero.
    auto operator<=>(const Flip&) const = default;
  };
  std::map<Flip, SurveyedPlan> flips;
  // Every layer in a random class.
  struct Mix {
    std::vector<size_t> classes;  // of every layer
    SurveyedPlan plan;
  };
  std::vector<Mix> mixes;

  // All keys that a table needs.
  std::set<std::string> Keys() const;
};

absl::StatusOr<PlanSurvey> SurveyPlans(const Graph& graph, const LayerSet& layers,
                                       const ProfilingAssignment& assignment,
                                       absl::Span<const Precision> precisions,
                                       const PlanOptions& options, const Progress& progress);

// Assignments among the survey's whose plans together run every key in `missing` (of Keys()), those
// of mixes in three plans where there are as many: few plans in all, by always taking the one that
// adds most. The uniform ones come first.
std::vector<std::vector<Precision>> CoverKeys(const PlanSurvey& survey,
                                              const std::set<std::string>& missing);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_PLAN_SURVEY_H_
