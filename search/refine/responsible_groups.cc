#include "search/refine/responsible_groups.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace halftone {
namespace {

// Of the excess, what prefixes are asked for, and with what share a pair is responsible for a part.
constexpr double kShareOfExcess = 0.5, kLeastOfPair = 0.1;

class Bisection {
 public:
  Bisection(size_t count, double excess, int most_evaluations, const ExcessFunction& excess_of)
      : end_(count), excess_(excess), most_(most_evaluations), excess_of_(excess_of) {
    found_.excess = excess;
  }

  absl::StatusOr<std::optional<ResponsibleGroups>> Run() {
    while (found_.members.size() < kMaxMembers) {
      HT_ASSIGN_OR_RETURN(const bool is_complete, IsComplete());
      if (is_complete) return Found();
      HT_ASSIGN_OR_RETURN(const size_t end, ShortestPrefix());
      if (IsSpent()) return std::nullopt;
      if (end == 0) return Found();
      // Those before it have come later, so that the front is where it belongs.
      found_.members.insert(found_.members.begin(), end - 1);
      end_ = end - 1;
    }
    HT_ASSIGN_OR_RETURN(const bool is_complete, IsComplete());
    return is_complete ? std::optional(Found()) : std::nullopt;
  }

 private:
  bool IsSpent() const { return is_spent_; }
  ResponsibleGroups Found() { return std::move(found_); }

  // Whether two or more that were found have it alone. A single one is the prefix of length 0.
  absl::StatusOr<bool> IsComplete() {
    if (found_.members.size() < 2) return false;
    HT_ASSIGN_OR_RETURN(const bool has_half, Has(0));
    return has_half || (found_.members.size() == 2 && found_.excess >= kLeastOfPair * excess_);
  }

  // How many of the first changes it takes, beside those found. All of them have it.
  absl::StatusOr<size_t> ShortestPrefix() {
    size_t low = found_.members.empty() ? 1 : 0, high = end_;
    if (found_.members.size() >= 2) low = 1;  // IsComplete() has asked for 0
    while (low < high && !is_spent_) {
      const size_t middle = low + (high - low) / 2;
      HT_ASSIGN_OR_RETURN(const bool has, Has(middle));
      (has ? high : low) = has ? middle : middle + 1;
    }
    return std::min(low, end_);
  }

  // Whether the first `length` changes and those found have half of the excess.
  absl::StatusOr<bool> Has(size_t length) {
    if (found_.evaluations >= most_) {
      is_spent_ = true;
      return false;
    }
    std::vector<size_t> members;
    for (size_t i = 0; i < length; ++i) members.push_back(i);
    members.insert(members.end(), found_.members.begin(), found_.members.end());
    ++found_.evaluations;
    HT_ASSIGN_OR_RETURN(const double excess, excess_of_(members));
    const bool has = excess >= kShareOfExcess * excess_;
    // The last prefix that has it is what is found next.
    if (has || length == 0) found_.excess = excess;
    return has;
  }

  size_t end_;  // changes from here on are found or not needed
  const double excess_;
  const int most_;
  const ExcessFunction& excess_of_;
  ResponsibleGroups found_;
  bool is_spent_ = false;
};

}  // namespace

absl::StatusOr<std::optional<ResponsibleGroups>> FindResponsibleGroups(
    size_t count, double excess, int most_evaluations, const ExcessFunction& excess_of) {
  if (count == 0 || !(excess > 0)) return std::nullopt;
  return Bisection(count, excess, most_evaluations, excess_of).Run();
}

int EvaluationsOfBisection(size_t count) {
  int doublings = 0;
  while ((size_t{1} << doublings) < count + 1) ++doublings;
  return 2 * doublings + 1;
}

}  // namespace halftone
