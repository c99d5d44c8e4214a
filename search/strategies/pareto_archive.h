#ifndef HALFTONE_SEARCH_STRATEGIES_PARETO_ARCHIVE_H_
#define HALFTONE_SEARCH_STRATEGIES_PARETO_ARCHIVE_H_

#include <algorithm>
#include <vector>

#include "search/solver/compact.h"
#include "search/strategies/pareto.h"

namespace halftone {

// Of all that were added and keep the budgets, those that nothing else dominates. Nothing that was
// found is ever lost but to something better. Not thread-safe.
class ParetoArchive {
 public:
  struct Member {
    Selection selection;
    Merit merit;
  };

  // Whether it is a member now. Of equal merits the earlier stays.
  bool Add(const Selection& selection, const Merit& merit) {
    if (!merit.IsFeasible()) return false;
    for (const Member& member : members_) {
      if (Dominates(member.merit, merit) || member.merit.objectives == merit.objectives) {
        return false;
      }
    }
    std::erase_if(members_, [&](const Member& member) { return Dominates(merit, member.merit); });
    members_.push_back({selection, merit});
    return true;
  }

  // In the order of adding.
  const std::vector<Member>& members() const { return members_; }

  std::vector<std::vector<double>> Objectives() const {
    std::vector<std::vector<double>> objectives;
    for (const Member& member : members_) objectives.push_back(member.merit.objectives);
    return objectives;
  }

 private:
  std::vector<Member> members_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STRATEGIES_PARETO_ARCHIVE_H_
