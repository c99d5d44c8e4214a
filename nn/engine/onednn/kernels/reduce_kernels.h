#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_REDUCE_KERNELS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_REDUCE_KERNELS_H_

#include <cstdint>
#include <vector>

#include "nn/engine/ops/reduction.h"

namespace halftone {

// An axis of a dense tensor in the order of its memory, outermost first.
struct ReduceAxis {
  int64_t size;
  bool reduced;
};

// dst: the axes that are not reduced, dense, in the same order. Sums are accumulated in double
// precision; the result depends on neither thread count nor timing. Reducing no element gives 0 or
// minus infinity. Joins neighbouring axes once, runs many times.
class ReduceKernel {
 public:
  ReduceKernel(ReduceFunction function, const std::vector<ReduceAxis>& axes);
  void Run(const float* src, float* dst) const;

 private:
  // One of the two nests that remain: over the elements of dst, and over what each one reduces.
  struct Loop {
    int64_t size;
    int64_t stride;  // in src
  };
  void ReduceRows(const float* src, float* dst) const;
  void ReduceColumns(const float* src, float* dst) const;

  ReduceFunction function_;
  std::vector<Loop> kept_;     // without the innermost axis where that is kept
  std::vector<Loop> reduced_;  // without the innermost axis where that is reduced
  int64_t kept_size_ = 1;      // product of kept_
  int64_t reduced_size_ = 1;   // product of reduced_
  int64_t inner_ = 1;          // size of the innermost axis
  bool inner_reduced_ = true;
};

// dst[n] = sum_i a[n, i] b[n, i], in double precision.
void InnerProductKernel(int64_t rows, int64_t columns, const float* a, const float* b, float* dst);

// dst = src - log(sum(exp(src))) along the middle axis of [outer, size, inner]. In double
// precision: what training drives to zero (1 - p of the right class) is a difference of numbers
// near 1.
void LogSoftmaxKernel(int64_t outer, int64_t size, int64_t inner, const float* src, float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_REDUCE_KERNELS_H_
