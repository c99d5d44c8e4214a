#ifndef HALFTONE_SEARCH_EFFORT_H_
#define HALFTONE_SEARCH_EFFORT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "search/search_spec.h"

namespace halftone {

// How much work a search is worth, where nothing else is asked for.
enum class Effort {
  kQuick,     // the losses to second order, and the answer at once
  kNormal,    // what a search does by default
  kThorough,  // less sampling error, and more assignments that are really evaluated
};

struct EffortSettings {
  SensitivityMethod method;
  int64_t most_samples;  // of the calibration data; 0: all
  int draws;
  int evaluations;
  absl::Duration time_limit;  // of the solver
};

// "quick", "normal", "thorough". INVALID_ARGUMENT names the text and what there is.
absl::StatusOr<Effort> ParseEffort(absl::string_view text);
absl::string_view EffortName(Effort effort);
const EffortSettings& SettingsOf(Effort effort);
// A search that is asked for with nothing but that effort.
SearchSpec SpecWithEffort(Effort effort);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_EFFORT_H_
