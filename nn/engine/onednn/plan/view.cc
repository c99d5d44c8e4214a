#include "nn/engine/onednn/plan/view.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/string_view.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/graph/operators/slice.h"

namespace halftone::plan {
namespace {

bool IsReshape(const Node& node) {
  static constexpr absl::string_view kOps[] = {"Reshape",   "Flatten",  "Squeeze",
                                               "Unsqueeze", "Identity", "Dropout"};
  return std::find(std::begin(kOps), std::end(kOps), absl::string_view(node.op)) != std::end(kOps);
}

std::optional<View> Transpose(const Node& node, const View& src) {
  std::vector<int64_t> reversed(src.dims.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const auto permutation = node.Ints("perm", reversed);
  if (!permutation.ok() || permutation->size() != src.dims.size()) return std::nullopt;
  return src.Transposed(*permutation);
}

std::optional<View> Slice(const Graph& graph, const Node& node, View src) {
  const auto slice = ResolveSlice(MakeNodeContext(graph, node));
  if (!slice.ok() || slice->begins.size() != src.dims.size()) return std::nullopt;
  for (size_t axis = 0; axis < src.dims.size(); ++axis) {
    if (slice->steps[axis] < 1) return std::nullopt;
    src = src.Sliced(static_cast<int>(axis), slice->begins[axis], slice->steps[axis],
                     slice->dst.dim(static_cast<int>(axis)));
  }
  return src;
}

// One constant index: what it names, without its axis where the index is a scalar.
std::optional<View> Gather(const Graph& graph, const Node& node, const View& src,
                           const Shape& dst) {
  const auto asked = node.Int("axis", 0);
  const auto constant = graph.initializers.find(std::string(node.Input(1)));
  if (!asked.ok() || constant == graph.initializers.end()) return std::nullopt;
  const auto axis = NormalizeAxis(*asked, static_cast<int>(src.dims.size()));
  const auto indices = constant->second.ToInts();
  if (!axis.ok() || !indices.ok() || indices->size() != 1) return std::nullopt;
  const int64_t size = src.dims[static_cast<size_t>(*axis)];
  const int64_t index = (*indices)[0] < 0 ? (*indices)[0] + size : (*indices)[0];
  if (index < 0 || index >= size) return std::nullopt;
  return src.Sliced(*axis, index, 1, 1).Reshaped(dst.dims());
}

std::optional<std::vector<View>> Split(const Graph& graph, const Node& node, const View& src) {
  const auto asked = node.Int("axis", 0);
  if (!asked.ok()) return std::nullopt;
  const auto axis = NormalizeAxis(*asked, static_cast<int>(src.dims.size()));
  if (!axis.ok()) return std::nullopt;
  std::vector<View> parts;
  int64_t begin = 0;
  for (const std::string& output : node.outputs) {
    const auto part = graph.values.find(output);
    if (part == graph.values.end() || part->second.shape.Elements() == 0) return std::nullopt;
    const int64_t size = part->second.shape.dim(*axis);
    parts.push_back(src.Sliced(*axis, begin, 1, size));
    begin += size;
  }
  return parts;
}

bool OnlyFirstOutput(const Node& node) {
  return std::all_of(node.outputs.begin() + 1, node.outputs.end(),
                     [](const std::string& output) { return output.empty(); });
}

}  // namespace

View View::Of(const MemoryDesc& desc) {
  const auto dims = desc.get_dims();
  const auto strides = desc.get_strides();
  return {{dims.begin(), dims.end()}, {strides.begin(), strides.end()}, 0};
}

MemoryDesc View::Desc(DataKind type) const {
  if (dims.empty()) return MemoryDesc({1}, type, dnnl::memory::dims{1});
  return MemoryDesc(dims, type, strides);
}

std::optional<View> View::Reshaped(absl::Span<const int64_t> shape) const {
  std::vector<int64_t> from_dims, from_strides;  // without axes of size 1
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] == 1) continue;
    from_dims.push_back(dims[axis]);
    from_strides.push_back(strides[axis]);
  }
  View view{{shape.begin(), shape.end()}, std::vector<int64_t>(shape.size(), 1), offset};
  size_t from = 0, to = 0;
  while (to < shape.size()) {
    if (shape[to] == 1) {
      ++to;
      continue;
    }
    // The shortest runs of axes of both that hold equally many elements.
    size_t from_end = from + 1, to_end = to + 1;
    int64_t from_size = from_dims[from], to_size = shape[to];
    while (from_size != to_size) {
      if (from_size < to_size) {
        from_size *= from_dims[from_end++];
      } else {
        to_size *= shape[to_end++];
      }
    }
    for (; from + 1 < from_end; ++from) {
      if (from_strides[from] != from_dims[from + 1] * from_strides[from + 1]) return std::nullopt;
    }
    int64_t stride = from_strides[from_end - 1];
    for (size_t axis = to_end; axis-- > to;) {
      view.strides[axis] = stride;
      stride *= shape[axis];
    }
    from = from_end;
    to = to_end;
  }
  // What oneDNN expects of an axis of size 1: as if it were the outermost of what follows.
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] != 1 || axis + 1 == shape.size()) continue;
    view.strides[axis] = shape[axis + 1] * view.strides[axis + 1];
  }
  return view;
}

View View::Transposed(absl::Span<const int64_t> permutation) const {
  View view{{}, {}, offset};
  for (const int64_t axis : permutation) {
    view.dims.push_back(dims[static_cast<size_t>(axis)]);
    view.strides.push_back(strides[static_cast<size_t>(axis)]);
  }
  return view;
}

View View::Sliced(int axis, int64_t begin, int64_t step, int64_t size) const {
  View view = *this;
  const auto at = static_cast<size_t>(axis);
  view.dims[at] = size;
  view.offset += begin * strides[at];
  view.strides[at] *= step;
  return view;
}

std::optional<std::vector<View>> ViewsOf(const Graph& graph, const Node& node, const View& src) {
  const bool empty = std::find(src.dims.begin(), src.dims.end(), 0) != src.dims.end();
  if (!node.domain.empty() || empty) return std::nullopt;
  if (node.op == "Split") return Split(graph, node, src);
  if (!OnlyFirstOutput(node)) return std::nullopt;
  const Shape& dst = graph.values.at(node.outputs[0]).shape;
  if (dst.Elements() == 0) return std::nullopt;
  std::optional<View> view;
  if (IsReshape(node)) {
    view = src.Reshaped(dst.dims());
  } else if (node.op == "Transpose") {
    view = Transpose(node, src);
  } else if (node.op == "Slice") {
    view = Slice(graph, node, src);
  } else if (node.op == "Gather") {
    view = Gather(graph, node, src, dst);
  }
  if (!view.has_value()) return std::nullopt;
  return std::vector<View>{*std::move(view)};
}

bool IsView(const Graph& graph, const Node& node) {
  if (node.inputs.empty()) return false;
  const auto src = graph.values.find(node.inputs[0]);
  if (src == graph.values.end() || graph.initializers.count(node.inputs[0]) > 0) return false;
  return ViewsOf(graph, node, View::Of(PlainDesc(src->second.shape, DataKind::f32))).has_value();
}

}  // namespace halftone::plan
