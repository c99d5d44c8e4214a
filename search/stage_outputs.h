#ifndef HALFTONE_SEARCH_STAGE_OUTPUTS_H_
#define HALFTONE_SEARCH_STAGE_OUTPUTS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "search/codesign.h"
#include "search/network_summary.h"
#include "search/problem_builder.h"
#include "search/refine/refinement.h"
#include "search/result.h"
#include "search/search_spec.h"
#include "search/stability.h"

// What the stages of a search hand on, as the bytes that are stored and back.
namespace halftone {

// The document in stored bytes. INTERNAL names `what` when they are no JSON.
absl::StatusOr<nlohmann::json> ParseStored(absl::string_view bytes, absl::string_view what);

// What the stage kImport hands on.
absl::StatusOr<NetworkSummary> NetworkSummaryFromBytes(absl::string_view bytes);

struct SolveOutput {
  Problem problem;
  Solution solution;
  Precision reference;
  Costs reference_cost;
  std::vector<ResolvedBudget> budgets;  // older versions did not note them
  std::optional<Stability> stability;
  std::optional<Codesign> codesign;  // where the target was a design space
};
std::string SolveOutputToBytes(const SolveOutput& output);
absl::StatusOr<SolveOutput> SolveOutputFromBytes(absl::string_view bytes);

struct RefineOutput {
  Refinement refinement;
  // Solved again with what the evaluations found that the model had left out, in the place of the
  // first answer. Absent where that was nothing.
  std::optional<SolveOutput> solved;
};
std::string RefineOutputToBytes(const RefineOutput& output);
absl::StatusOr<RefineOutput> RefineOutputFromBytes(absl::string_view bytes);

struct ValidateOutput {
  std::optional<Evaluation> evaluation;
  bool on_held_out = false;
  std::optional<double> reference_measured_ns, measured_ns;
  std::string latency_warning;  // "" or why these two may not be the network's
};
std::string ValidateOutputToBytes(const ValidateOutput& output);
absl::StatusOr<ValidateOutput> ValidateOutputFromBytes(absl::string_view bytes);

struct ExportOutput {
  std::map<std::string, std::string> artifacts;  // name -> sha256
  std::optional<ExportedModel> exported;         // absent where there is no answer, or it failed
  bool failed = false;                           // which is not kept: the next time may do it
};
std::string ExportOutputToBytes(const ExportOutput& output);
absl::StatusOr<ExportOutput> ExportOutputFromBytes(absl::string_view bytes);

// Whether a search's answer is what refining found, not the model's optimum.
bool IsRefinedChosen(const std::optional<Refinement>& refined);
// The assignment that a result's table shows: the chosen one, or the nearest where there is none.
absl::StatusOr<std::map<std::string, Precision>> ShownAssignment(
    const Solution& solution, const std::optional<Refinement>& refined);

// The answer from what the stages found; artifacts are left to the caller.
absl::StatusOr<SearchResult> AssembleResult(const SearchSpec& spec, const NetworkSummary& network,
                                            const SensitivityResult& measured,
                                            const CostTable& costs, const SolveOutput& solved,
                                            const std::optional<Refinement>& refined,
                                            const ValidateOutput& validated);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STAGE_OUTPUTS_H_
