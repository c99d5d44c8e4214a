#ifndef HALFTONE_NN_GRAPH_WINDOW_H_
#define HALFTONE_NN_GRAPH_WINDOW_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nn/graph/graph.h"
#include "nn/graph/shape.h"

namespace halftone {

// How the window of a convolution or pooling moves over the spatial axes of src; every list has
// one entry per spatial axis. Padding is resolved: no automatic modes are left. Padding after may
// be more than the model asks for where ceil_mode lets the last window reach past the border
// (`overhang` says by how much).
struct Window {
  std::vector<int64_t> kernel, strides, dilations;
  std::vector<int64_t> pads_begin, pads_end;
  std::vector<int64_t> overhang;  // further padding after, from ceil_mode
  std::vector<int64_t> dst;       // the windows' number along each axis
};

// Resolves the attributes of a Conv, MaxPool or AveragePool node (kernel_shape, strides, dilations,
// pads, auto_pad, ceil_mode) for a src of shape [N, C, spatial...]. `kernel` is the window's size
// where the weights give it; empty to take it from the attribute. INVALID_ARGUMENT, without the
// node's name, when the window does not fit.
absl::StatusOr<Window> ResolveWindow(const Node& node, const Shape& src,
                                     absl::Span<const int64_t> kernel);

// The same of a ConvTranspose node (with output_padding and output_shape): the window of the
// convolution whose derivative it computes, from `dst` to the spatial axes of src. UNIMPLEMENTED
// where `dst` has elements beyond the last window's reach by a whole stride, or padding is
// negative.
absl::StatusOr<Window> ResolveTransposedWindow(const Node& node, const Shape& src,
                                               absl::Span<const int64_t> kernel);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_WINDOW_H_
