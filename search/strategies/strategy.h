#ifndef HALFTONE_SEARCH_STRATEGIES_STRATEGY_H_
#define HALFTONE_SEARCH_STRATEGIES_STRATEGY_H_

#include <cstddef>
#include <vector>

#include "search/solver/compact.h"
#include "search/strategies/pareto.h"

namespace halftone {

// A way to find good assignments by trying: it is asked what to try, and told what came of it, also
// of what others tried. Not thread-safe.
class Strategy {
 public:
  virtual ~Strategy() = default;
  // Up to `count` selections worth a try, different from each other and from all that were asked
  // for or told before. Fewer where it knows no others.
  virtual std::vector<Selection> Ask(size_t count) = 0;
  virtual void Tell(const Selection& selection, const Merit& merit) = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STRATEGIES_STRATEGY_H_
