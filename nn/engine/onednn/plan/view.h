#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_VIEW_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_VIEW_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "nn/engine/onednn/plan/form.h"
#include "nn/graph/graph.h"

namespace halftone::plan {

// Where the elements of a tensor are: element (i, j, ...) at offset + i * strides[0] + j *
// strides[1] + ... A value type.
struct View {
  std::vector<int64_t> dims, strides;
  int64_t offset = 0;  // in elements

  static View Of(const MemoryDesc& desc);
  MemoryDesc Desc(DataKind type) const;

  // The same elements under other dimensions, in C order of both; absent where no strides say so.
  std::optional<View> Reshaped(absl::Span<const int64_t> shape) const;
  // Axis i of the result is axis permutation[i].
  View Transposed(absl::Span<const int64_t> permutation) const;
  // Elements begin, begin + step, ... of an axis, `size` of them.
  View Sliced(int axis, int64_t begin, int64_t step, int64_t size) const;
};

// Whether all that the node does is to show (parts of) its first source under other shapes: that
// node takes no time and no memory.
bool IsView(const Graph& graph, const Node& node);

// For such a node, each output as a part of its first source, which lies as `src` says; absent for
// another node, and where the source has to be put in C order before.
std::optional<std::vector<View>> ViewsOf(const Graph& graph, const Node& node, const View& src);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_VIEW_H_
