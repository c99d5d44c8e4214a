#ifndef HALFTONE_NN_ENGINE_ONEDNN_LAYOUT_H_
#define HALFTONE_NN_ENGINE_ONEDNN_LAYOUT_H_

#include "absl/types/span.h"
#include "nn/graph/shape.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace halftone {

// A value's arrangement in memory is a dnnl::memory::desc: plain (C order without gaps) or blocked,
// as a primitive preferred it. A blocked one may be padded; the padding always holds zeros.
using Layout = dnnl::memory::desc;

// oneDNN has no tensors of rank 0: a scalar is a vector of one element.
dnnl::memory::dims DnnlDims(const Shape& shape);
Layout PlainLayout(const Shape& shape);
Layout PlainLayout(absl::Span<const int64_t> dims);
// float32, for a primitive to choose the arrangement.
Layout AnyLayout(const Shape& shape);
Layout AnyLayout(absl::Span<const int64_t> dims);
// float32 with the given strides, in elements.
Layout StridedLayout(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides);

// Whether both put every element at the same place; strides of axes of size 1 do not count.
bool SameLayout(const Layout& a, const Layout& b);
bool IsPlain(const Layout& layout);
// No gaps between elements other than the padding of blocks.
bool IsDense(const Layout& layout);
bool IsPadded(const Layout& layout);
// Floats in memory, with the padding.
int64_t StoredElements(const Layout& layout);
// Whether the memory is one contiguous piece per index of axis 0, in order.
bool IsOuterMost(const Layout& layout, int axis);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_LAYOUT_H_
