#include "nn/graph/operators/strided.h"

#include <cstring>

namespace halftone {

std::vector<int64_t> DenseStrides(const Shape& shape) {
  std::vector<int64_t> strides(static_cast<size_t>(shape.rank()), 1);
  for (int axis = shape.rank() - 2; axis >= 0; --axis) {
    const auto at = static_cast<size_t>(axis);
    strides[at] = strides[at + 1] * shape.dim(axis + 1);
  }
  return strides;
}

Tensor CopyStrided(const Tensor& src, const Shape& dst, int64_t offset,
                   const std::vector<int64_t>& strides) {
  const size_t size = SizeOf(src.type());
  const auto count = static_cast<size_t>(dst.Elements());
  std::vector<std::byte> bytes(count * size);
  std::vector<int64_t> index(strides.size(), 0);
  const std::byte* from = src.bytes().data();
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(bytes.data() + i * size, from + static_cast<size_t>(offset) * size, size);
    for (int axis = dst.rank() - 1; axis >= 0; --axis) {
      const auto at = static_cast<size_t>(axis);
      offset += strides[at];
      if (++index[at] < dst.dim(axis)) break;
      offset -= strides[at] * index[at];
      index[at] = 0;
    }
  }
  return Tensor::FromBytes(src.type(), dst, std::move(bytes));
}

Tensor BroadcastTo(const Tensor& src, const Shape& dst) {
  if (src.shape() == dst) return src;
  const std::vector<int64_t> dense = DenseStrides(src.shape());
  std::vector<int64_t> strides(static_cast<size_t>(dst.rank()), 0);
  const auto missing = static_cast<size_t>(dst.rank() - src.shape().rank());
  for (int axis = 0; axis < src.shape().rank(); ++axis) {
    if (src.shape().dim(axis) == 1) continue;
    strides[static_cast<size_t>(axis) + missing] = dense[static_cast<size_t>(axis)];
  }
  return CopyStrided(src, dst, 0, strides);
}

}  // namespace halftone
