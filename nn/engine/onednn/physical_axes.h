#ifndef HALFTONE_NN_ENGINE_ONEDNN_PHYSICAL_AXES_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PHYSICAL_AXES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/engine/onednn/layout.h"
#include "nn/graph/shape.h"

namespace halftone {

// A dense blocked layout is a plain array of more axes: nChw16c is [N, C / 16, H, W, 16]. One of
// them.
struct PhysicalAxis {
  int axis;  // of the tensor
  int64_t size;
  int64_t stride;  // in elements
  int64_t step;    // by how much the tensor's index grows from one to the next
};
// In the order of memory, outermost first, with the padding. `layout` is dense.
std::vector<PhysicalAxis> PhysicalAxes(const Layout& layout);

// The strides of a plain tensor of shape `src` that is repeated over `dst` by numpy's rules: one
// per axis of dst, 0 where it is repeated.
std::vector<int64_t> BroadcastStrides(const Shape& src, const Shape& dst);

// A small tensor in memory, for a loop over the physical axes of a large one.
struct Repeated {
  Layout layout;
  std::vector<int64_t> strides;  // per axis of the large tensor; of a step of 1
  int64_t StrideOf(const PhysicalAxis& axis) const {
    return strides[static_cast<size_t>(axis.axis)] * axis.step;
  }
};
// How a tensor of shape `small` is read while it is repeated over a tensor of layout `large`.
// Nothing where a padded axis of `large` would read behind the small one's end.
std::optional<Repeated> RepeatedOver(const Layout& large, const Shape& small);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PHYSICAL_AXES_H_
