#include "profilers/onednn/cache_sweep.h"

#include <unistd.h>

#include <algorithm>

namespace halftone {
namespace {

constexpr int64_t kLeastBytes = int64_t{64} << 20;
constexpr int64_t kMostBytes = int64_t{1} << 30;

// Twice the last level; the system may not know it (then 0 or -1).
size_t SweepBytes() {
  const int64_t last_level = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
  return static_cast<size_t>(std::clamp(2 * last_level, kLeastBytes, kMostBytes));
}

}  // namespace

CacheSweep::CacheSweep() : memory_(SweepBytes() / sizeof(uint64_t)) {}

void CacheSweep::Run() {
  const auto count = static_cast<int64_t>(memory_.size());
  // Every computing thread sweeps, so that each empties the caches of its own core.
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < count; ++i) ++memory_[static_cast<size_t>(i)];
}

}  // namespace halftone
