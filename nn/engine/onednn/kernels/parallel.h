#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_PARALLEL_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_PARALLEL_H_

#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "base/target_clones.h"  // IWYU pragma: export

namespace halftone {

// Elements below which a loop is not worth a second thread.
constexpr int64_t kParallelGrain = 8192;

// Calls function(begin, end) on pieces that cover [0, count), in parallel on OpenMP's threads, with
// no piece (but the last) below `grain`. The pieces depend on `count`, `grain` and the number of
// threads only.
template <typename Function>
void ParallelFor(int64_t count, int64_t grain, const Function& function) {
  if (count <= 0) return;
  const int64_t pieces =
      std::min<int64_t>(omp_get_max_threads(), (count + grain - 1) / std::max<int64_t>(grain, 1));
  if (pieces <= 1 || omp_in_parallel()) {
    function(int64_t{0}, count);
    return;
  }
  const int64_t size = (count + pieces - 1) / pieces;
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(pieces))
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t begin = piece * size;
    const int64_t end = std::min(count, begin + size);
    if (begin < end) function(begin, end);
  }
}

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_PARALLEL_H_
