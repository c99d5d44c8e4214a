#ifndef HALFTONE_SEARCH_REFINE_RESPONSIBLE_GROUPS_H_
#define HALFTONE_SEARCH_REFINE_RESPONSIBLE_GROUPS_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

namespace halftone {

// By how much a subset of changes, all others undone, does more than is predicted of it. `members`
// are numbers of changes, rising.
using ExcessFunction = std::function<absl::StatusOr<double>(const std::vector<size_t>& members)>;

// Changes that do what was not predicted, rising: all of them are needed for it, as far as one
// measurement each can tell.
struct ResponsibleGroups {
  std::vector<size_t> members;
  double excess = 0;    // of these alone
  int evaluations = 0;  // calls of the function
};

// Which few of `count` changes do together what was not predicted of all of them, `excess` (> 0).
// By bisection: the shortest prefix of the changes that has half of the excess ends with one of
// those that are responsible; with that one kept, the shortest prefix that has it still ends with
// the next one; until those found have it alone, or as a pair a tenth of it, for several pairs may
// share it. So one pair takes at most 2 ceil(log2(count + 1)) + 1 calls. Nothing where no
// kMaxMembers have it, as when it is spread over all, or `most_evaluations` calls did not suffice.
// Errors of `excess_of` are passed on.
inline constexpr size_t kMaxMembers = 4;
absl::StatusOr<std::optional<ResponsibleGroups>> FindResponsibleGroups(
    size_t count, double excess, int most_evaluations, const ExcessFunction& excess_of);

// That many calls find a pair among `count` changes.
int EvaluationsOfBisection(size_t count);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_RESPONSIBLE_GROUPS_H_
