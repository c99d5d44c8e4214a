#include "nn/engine/onednn/layout.h"

#include <algorithm>
#include <vector>

namespace halftone {
namespace {

using dnnl::memory;

memory::dims PlainStrides(absl::Span<const int64_t> dims) {
  memory::dims strides(dims.size(), 1);
  for (size_t axis = dims.size(); axis-- > 1;) {
    strides[axis - 1] = strides[axis] * std::max<int64_t>(dims[axis], 1);
  }
  return strides;
}

// The product of the inner blocks of each axis.
memory::dims BlockSizes(const Layout& layout) {
  memory::dims sizes(static_cast<size_t>(layout.get_ndims()), 1);
  const memory::dims blocks = layout.get_inner_blks();
  const memory::dims axes = layout.get_inner_idxs();
  for (size_t i = 0; i < blocks.size(); ++i) sizes[static_cast<size_t>(axes[i])] *= blocks[i];
  return sizes;
}

}  // namespace

memory::dims DnnlDims(const Shape& shape) {
  if (shape.rank() == 0) return {1};
  return memory::dims(shape.dims().begin(), shape.dims().end());
}

Layout PlainLayout(absl::Span<const int64_t> dims) {
  return StridedLayout(dims, PlainStrides(dims));
}

Layout PlainLayout(const Shape& shape) { return PlainLayout(DnnlDims(shape)); }

Layout AnyLayout(absl::Span<const int64_t> dims) {
  return Layout(memory::dims(dims.begin(), dims.end()), memory::data_type::f32,
                memory::format_tag::any);
}

Layout AnyLayout(const Shape& shape) { return AnyLayout(DnnlDims(shape)); }

Layout StridedLayout(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides) {
  return Layout(memory::dims(dims.begin(), dims.end()), memory::data_type::f32,
                memory::dims(strides.begin(), strides.end()));
}

bool SameLayout(const Layout& a, const Layout& b) {
  if (a == b) return true;
  if (a.get_ndims() != b.get_ndims() || a.get_format_kind() != b.get_format_kind()) return false;
  if (a.get_format_kind() != memory::format_kind::blocked) return false;
  const memory::dims padded = a.get_padded_dims();
  if (a.get_dims() != b.get_dims() || padded != b.get_padded_dims()) return false;
  if (a.get_inner_blks() != b.get_inner_blks() || a.get_inner_idxs() != b.get_inner_idxs()) {
    return false;
  }
  const memory::dims blocks = BlockSizes(a);
  const memory::dims a_strides = a.get_strides();
  const memory::dims b_strides = b.get_strides();
  for (size_t axis = 0; axis < padded.size(); ++axis) {
    if (padded[axis] != blocks[axis] && a_strides[axis] != b_strides[axis]) return false;
  }
  return true;
}

bool IsPlain(const Layout& layout) {
  return layout.get_format_kind() == memory::format_kind::blocked &&
         SameLayout(layout, PlainLayout(layout.get_dims()));
}

int64_t StoredElements(const Layout& layout) {
  return static_cast<int64_t>(layout.get_size() / sizeof(float));
}

bool IsDense(const Layout& layout) {
  if (layout.get_format_kind() != memory::format_kind::blocked) return false;
  int64_t elements = 1;
  for (int64_t size : layout.get_padded_dims()) elements *= size;
  return StoredElements(layout) == elements;
}

bool IsPadded(const Layout& layout) { return layout.get_padded_dims() != layout.get_dims(); }

bool IsOuterMost(const Layout& layout, int axis) {
  if (!IsDense(layout)) return false;
  const auto index = static_cast<size_t>(axis);
  const memory::dims inner = layout.get_inner_idxs();
  if (std::find(inner.begin(), inner.end(), axis) != inner.end()) return false;
  const int64_t size = std::max<int64_t>(layout.get_dims()[index], 1);
  return size == 1 || layout.get_strides()[index] * size == StoredElements(layout);
}

}  // namespace halftone
