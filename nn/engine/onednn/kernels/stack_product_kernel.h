#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_STACK_PRODUCT_KERNEL_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_STACK_PRODUCT_KERNEL_H_

#include <cstdint>

#include "absl/types/span.h"

namespace halftone {

// The elements of all samples, one after the other, less those of `subtracted` unless that is null.
struct StackRow {
  const float* value = nullptr;
  const float* subtracted = nullptr;
};

// dst[n, r, c] = sum_i rows[r][n, i] columns[c][n, i], accumulated in double precision and in
// parallel; the order of additions does not depend on the number of threads.
void StackProductKernel(int64_t samples, int64_t elements, absl::Span<const StackRow> rows,
                        absl::Span<const StackRow> columns, float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_STACK_PRODUCT_KERNEL_H_
