#ifndef HALFTONE_SEARCH_FIRST_ANSWER_H_
#define HALFTONE_SEARCH_FIRST_ANSWER_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/progress.h"
#include "search/search_spec.h"
#include "search/solve_tables.h"
#include "search/stage_outputs.h"

namespace halftone {

// The artifact that a running search leaves as soon as its losses are known to second order.
inline constexpr char kFirstAnswerFile[] = "first_answer.json";

struct FirstAnswer {
  std::string json;  // `is_final` (false), `measure`, `solution` as in a result, `reference_cost`
  std::string text;  // for people: "first answer: ..."
};

// Solves the search's problem with the losses of `tables`, which more work is to better, in a few
// seconds at most. Errors of SolveTables; DEADLINE_EXCEEDED where that time did not suffice.
absl::StatusOr<FirstAnswer> FindFirstAnswer(const Tables& tables, const Offer& offer,
                                            SearchSpec spec, const Cancellation& cancellation);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_FIRST_ANSWER_H_
