#include "base/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/units.h"

namespace halftone {
namespace {

// Of what is meant as a size of memory: 1 MB to 1 EB.
constexpr double kLeastLimit = 1e6, kMostLimit = 1e18;

// 0: the machine's.
std::atomic<double> limit_bytes = 0;

// Of the control group, in either of its versions; "max" and what is not there are none.
int64_t GroupBytes() {
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    int64_t bytes = 0;
    if (std::ifstream(path) >> bytes && bytes > 0) return bytes;
  }
  return INT64_MAX;
}

}  // namespace

int64_t MemoryBudget::MachineBytes() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  const int64_t physical = pages > 0 && page > 0 ? pages * page : INT64_MAX;
  return std::min(physical, GroupBytes());
}

double MemoryBudget::LimitBytes() {
  const double set = limit_bytes.load(std::memory_order_relaxed);
  // Read once: who solves many small problems asks often.
  static const int64_t machine = MachineBytes();
  return set > 0 ? set : static_cast<double>(machine);
}

void MemoryBudget::SetLimitBytes(double bytes) {
  limit_bytes.store(bytes, std::memory_order_relaxed);
}

absl::Status MemoryBudget::SetLimit(absl::string_view text) {
  HT_ASSIGN_OR_RETURN(const double bytes, ParseQuantity(Quantity::kSize, text));
  if (bytes < kLeastLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is less than ", FormatQuantity(Quantity::kSize, kLeastLimit)));
  }
  if (bytes > kMostLimit) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is more than any machine has, ",
                                                   FormatQuantity(Quantity::kSize, kMostLimit)));
  }
  SetLimitBytes(bytes);
  return absl::OkStatus();
}

absl::Status CheckMemory(absl::string_view what, double bytes, absl::string_view remedy) {
  const double limit = MemoryBudget::LimitBytes();
  if (bytes <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      what, " needs about ", FormatQuantity(Quantity::kSize, bytes),
      " of memory, and the limit is ", FormatQuantity(Quantity::kSize, limit), ": ", remedy));
}

}  // namespace halftone
