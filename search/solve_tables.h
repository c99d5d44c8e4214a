#ifndef HALFTONE_SEARCH_SOLVE_TABLES_H_
#define HALFTONE_SEARCH_SOLVE_TABLES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "profilers/cost_table.h"
#include "search/network_summary.h"
#include "search/refine/refinement.h"
#include "search/search_spec.h"
#include "search/sensitivity/sensitivity.h"
#include "search/stage_outputs.h"

namespace halftone {

// The stored tables that a problem is built from, parsed.
struct Tables {
  NetworkSummary network;
  SensitivityResult sensitivity;
  CostTable costs;
};

// From the outputs of the stages import, sensitivity and profile.
absl::StatusOr<Tables> ParseTables(absl::string_view import_output,
                                   absl::string_view sensitivity_output,
                                   absl::string_view profile_output);

// The problem of the tables and the spec's budgets, pins and frontier, solved; with its stability
// where the losses were resampled. `refined`: whose corrections the losses get; may be null.
absl::StatusOr<SolveOutput> SolveTables(const Tables& tables, const Offer& offer,
                                        const SearchSpec& spec, const Progress& progress,
                                        const Refinement* refined = nullptr);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVE_TABLES_H_
