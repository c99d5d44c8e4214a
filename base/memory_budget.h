#ifndef HALFTONE_BASE_MEMORY_BUDGET_H_
#define HALFTONE_BASE_MEMORY_BUDGET_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace halftone {

// The memory that one computation of this process may take by its estimate. One of the whole
// process, as memory itself is. Thread-safe.
class MemoryBudget {
 public:
  // What the machine has, or what this process's control group is allowed, whichever is less.
  static int64_t MachineBytes();

  // MachineBytes() unless it was set.
  static double LimitBytes();
  // To be called before computations begin.
  static void SetLimitBytes(double bytes);
  // "4GiB", "500000000": INVALID_ARGUMENT for what is no size of memory: less than 1 MB,
  // or more than 1e18 bytes.
  static absl::Status SetLimit(absl::string_view text);
};

// OK if an estimate fits. RESOURCE_EXHAUSTED says what needs how much, what the limit is, and
// `remedy`: what would make it fit, e.g. "with 3 precisions it would fit".
absl::Status CheckMemory(absl::string_view what, double bytes, absl::string_view remedy);

}  // namespace halftone

#endif  // HALFTONE_BASE_MEMORY_BUDGET_H_
