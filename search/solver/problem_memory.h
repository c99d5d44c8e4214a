#ifndef HALFTONE_SEARCH_SOLVER_PROBLEM_MEMORY_H_
#define HALFTONE_SEARCH_SOLVER_PROBLEM_MEMORY_H_

#include "absl/strings/string_view.h"

namespace halftone {

// What reading a problem of that JSON text (ProblemFromJson) holds, in bytes, before it is read:
// the text, its values and the problem.
double ProblemReadingBytes(absl::string_view text);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_PROBLEM_MEMORY_H_
