#ifndef HALFTONE_SEARCH_CROSSCHECK_MEASURE_ASSIGNMENTS_H_
#define HALFTONE_SEARCH_CROSSCHECK_MEASURE_ASSIGNMENTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "nn/data/dataset.h"
#include "search/crosscheck/crosscheck_result.h"
#include "search/crosscheck/crosscheck_spec.h"
#include "search/executed.h"
#include "search/pipeline.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {

// What was measured: the assignments in the range, and how many it took.
struct MeasuredAssignments {
  std::vector<MeasuredAssignment> in_range;
  int tried = 0;
  double least_damage = 0, most_damage = 0;  // of all that were tried
  std::string output_metric;                 // "kl" or "mse"
  int64_t evaluation_samples = 0;
  std::optional<double> float_accuracy;
  double seconds = 0;
};

// Draws assignments (see AssignmentSampler) and evaluates them on `data`, until as many as the spec
// wants lie in its range, or too many do not. What was evaluated is kept in the store under `key`,
// about every second and when it ends, cancelled or not: it is not evaluated again.
// With a `runner`, which may be null, those in the range are also run by it.
// FAILED_PRECONDITION when none lies in the range; it says where they lie.
absl::StatusOr<MeasuredAssignments> MeasureAssignments(
    const CrosscheckSpec& spec, const PreparedNetwork& network, const Dataset& data,
    const Calibration& calibration, NetworkRunner* runner, ArtifactStore& store,
    const std::string& key, const Progress& progress);

std::string MeasuredAssignmentsToBytes(const MeasuredAssignments& measured);
absl::StatusOr<MeasuredAssignments> MeasuredAssignmentsFromBytes(absl::string_view bytes);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CROSSCHECK_MEASURE_ASSIGNMENTS_H_
