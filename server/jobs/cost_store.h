#ifndef HALFTONE_SERVER_JOBS_COST_STORE_H_
#define HALFTONE_SERVER_JOBS_COST_STORE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "profilers/cost_profiler.h"

namespace halftone {

// Measured costs that can be forgotten again. To load or to store one is a use of it, noted to the
// day. Thread-safe, and safe for several processes.
class CostStore : public CostCache {
 public:
  struct Pruned {
    int64_t costs = 0;
    int64_t bytes = 0;
  };
  // Of those that were not used since `since`, removes all that were not used since `oldest`, and
  // those longest out of use until all that is kept has at most `bytes`.
  virtual absl::StatusOr<Pruned> Prune(absl::Time since, absl::Time oldest, int64_t bytes) = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_COST_STORE_H_
