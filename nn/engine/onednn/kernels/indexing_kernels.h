#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_INDEXING_KERNELS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_INDEXING_KERNELS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

// Kernels that read and write where computed indices say, in parallel.
namespace halftone {

// Rows by tuples of indices, in each of `batches` alike: `tuples` of them name rows of `inner`
// elements on axes of `sizes`.
struct TupleView {
  int64_t batches = 1;
  std::vector<int64_t> sizes;
  int64_t tuples = 1;
  int64_t inner = 1;

  int64_t Rows() const {  // of a batch
    int64_t rows = 1;
    for (const int64_t size : sizes) rows *= size;
    return rows;
  }
};

// For each tuple of indices [batches, tuples, axes], the row that it names. Negative indices count
// from the end of their axis; INVALID_ARGUMENT names one that is outside or no whole number.
absl::StatusOr<std::vector<int64_t>> ResolveTuples(const TupleView& view, const float* indices);

// dst[b, n, :] = src[b, rows[b, n], :]
void GatherRowsKernel(const TupleView& view, const std::vector<int64_t>& rows, const float* src,
                      float* dst);
// dst = 0; dst[b, rows[b, n], :] += src[b, n, :]
void ScatterRowsAddKernel(const TupleView& view, const std::vector<int64_t>& rows, const float* src,
                          float* dst);
// dst = -1; dst[b, rows[b, n]] = n, in the order of n
void LastWriterKernel(const TupleView& view, const std::vector<int64_t>& rows, float* dst);

// The positions of the `kept` first elements in each of `rows` rows of `size`; see SortPositionsOp.
void SortPositionsKernel(int64_t rows, int64_t size, int64_t kept, bool descending,
                         const float* src, float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_INDEXING_KERNELS_H_
