#ifndef HALFTONE_NN_ENGINE_LARGE_PAGES_H_
#define HALFTONE_NN_ENGINE_LARGE_PAGES_H_

#include <cmath>
#include <cstdint>

namespace halftone {

// Large arenas lie in whole pages of 2 MiB.
inline constexpr int64_t kLargePage = int64_t{2} << 20;
inline constexpr int64_t kLeastInLargePages = 2 * kLargePage;

// What an arena of so many bytes takes, by estimate: more than integers may count.
inline double InLargePages(double bytes) {
  if (bytes < kLeastInLargePages) return bytes;
  return std::ceil(bytes / kLargePage) * kLargePage;
}

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_LARGE_PAGES_H_
