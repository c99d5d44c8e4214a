#ifndef HALFTONE_SEARCH_REFINE_STAGE_H_
#define HALFTONE_SEARCH_REFINE_STAGE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/progress.h"
#include "search/refine/assignment_meter.h"
#include "search/refine/refinement.h"
#include "search/search_spec.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solve_tables.h"
#include "search/stage_outputs.h"

// The stage of a search in which assignments are really evaluated.
namespace halftone {

// Whether a solved search is refined: there is an answer, and nothing speaks against evaluating it
// (WhyNotEvaluated).
bool IsRefined(const SearchSpec& spec, const Solution& solution);

// Refines the answer of a search by up to spec.evaluations runs of `meter`; one more where the
// problem, solved again with corrections, has another optimum than what was evaluated as such.
// `pairs`: of PairsFromBytes.
absl::StatusOr<RefineOutput> RefineSolved(const SearchSpec& spec, const Tables& tables,
                                          const Offer& offer, const SolveOutput& solved,
                                          const std::vector<float>& pairs, AssignmentMeter& meter,
                                          const Progress& progress);

// What the sensitivity stage measures for this one: with what pairs of choices add, where the
// method knows it and it is not too large.
SensitivityOptions OptionsWithPairs(const SensitivityOptions& options, size_t layers,
                                    size_t precisions);
// Takes what pairs add out of a result, as bytes: float32, of kFisherCorrected without the scale
// that it has there.
std::string TakePairs(SensitivityResult& sensitivity);
// INTERNAL for bytes of another length than that of floats.
absl::StatusOr<std::vector<float>> PairsFromBytes(absl::string_view bytes);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_STAGE_H_
