#include "nn/engine/onednn/physical_axes.h"

#include <algorithm>

namespace halftone {

using dnnl::memory;

std::vector<PhysicalAxis> PhysicalAxes(const Layout& layout) {
  const memory::dims padded = layout.get_padded_dims();
  const memory::dims strides = layout.get_strides();
  const memory::dims blocks = layout.get_inner_blks();
  const memory::dims block_axes = layout.get_inner_idxs();
  memory::dims steps(padded.size(), 1);
  // The inner blocks, from the innermost.
  std::vector<PhysicalAxis> inner;
  int64_t stride = 1;
  for (size_t i = blocks.size(); i-- > 0;) {
    int64_t& step = steps[static_cast<size_t>(block_axes[i])];
    inner.push_back({static_cast<int>(block_axes[i]), blocks[i], stride, step});
    stride *= blocks[i];
    step *= blocks[i];
  }
  std::vector<PhysicalAxis> axes;
  for (size_t axis = 0; axis < padded.size(); ++axis) {
    axes.push_back(
        {static_cast<int>(axis), padded[axis] / steps[axis], strides[axis], steps[axis]});
  }
  // Axes of size 1 may carry any stride.
  axes.erase(std::remove_if(axes.begin(), axes.end(),
                            [](const PhysicalAxis& axis) { return axis.size == 1; }),
             axes.end());
  std::stable_sort(axes.begin(), axes.end(), [](const PhysicalAxis& a, const PhysicalAxis& b) {
    return a.stride > b.stride;
  });
  axes.insert(axes.end(), inner.rbegin(), inner.rend());
  return axes;
}

std::vector<int64_t> BroadcastStrides(const Shape& src, const Shape& dst) {
  std::vector<int64_t> strides(static_cast<size_t>(dst.rank()), 0);
  int64_t stride = 1;
  for (int i = 1; i <= src.rank(); ++i) {
    const int64_t size = src.dim(src.rank() - i);
    if (size != 1) strides[static_cast<size_t>(dst.rank() - i)] = stride;
    stride *= size;
  }
  return strides;
}

std::optional<Repeated> RepeatedOver(const Layout& large, const Shape& small) {
  const memory::dims dims = large.get_dims();
  const memory::dims padded = large.get_padded_dims();
  Repeated repeated{PlainLayout(small), BroadcastStrides(small, Shape(dims))};
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (padded[axis] != dims[axis] && repeated.strides[axis] != 0) return std::nullopt;
  }
  return repeated;
}

}  // namespace halftone
