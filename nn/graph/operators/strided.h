#ifndef HALFTONE_NN_GRAPH_OPERATORS_STRIDED_H_
#define HALFTONE_NN_GRAPH_OPERATORS_STRIDED_H_

#include <cstdint>
#include <vector>

#include "nn/graph/shape.h"
#include "nn/graph/tensor.h"

namespace halftone {

// Elements from one step along each axis of a dense tensor in C order.
std::vector<int64_t> DenseStrides(const Shape& shape);

// The tensor of shape `dst` whose element at index i is src[offset + sum_a i_a strides_a]: a
// transposition, slice or broadcast. Every such position must lie inside of `src`.
Tensor CopyStrided(const Tensor& src, const Shape& dst, int64_t offset,
                   const std::vector<int64_t>& strides);

// `src` repeated to the shape `dst` that it broadcasts to.
Tensor BroadcastTo(const Tensor& src, const Shape& dst);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OPERATORS_STRIDED_H_
