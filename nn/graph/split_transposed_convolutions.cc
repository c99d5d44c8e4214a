// A transposed convolution of stride s writes, of every s elements, the r-th by the taps r, r + s,
// r + 2s ... of its kernel: one plain convolution for each such phase, whose results are woven into
// each other (Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016).
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/passes.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/simplify.h"
#include "nn/graph/unique_names.h"
#include "nn/graph/window.h"

namespace halftone {
namespace {

using Ints = std::vector<int64_t>;

// So many convolutions stand for one node, at most.
constexpr int64_t kMaxPhases = 64;

// The next index below `sizes`, the last axis first; false after the last one.
bool Advance(Ints& index, const Ints& sizes) {
  for (size_t axis = index.size(); axis-- > 0;) {
    if (++index[axis] < sizes[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

// One ConvTranspose node. Lists have an entry for each spatial axis.
struct Transposed {
  Window window;
  int64_t groups = 1, channels = 0;  // of dst
  Ints first;       // of the rows of strides that the convolutions compute: none before is read
  Ints rows;        // how many of them they compute
  Ints crop, size;  // of what was woven: where dst begins, and its size
  // Whether all phases have kernels of one size: one convolution computes them all.
  bool is_even = true;

  int64_t phases() const { return Product(window.strides); }
  // Taps of the phase along an axis.
  int64_t Taps(size_t axis, int64_t phase) const {
    return (window.kernel[axis] - phase + window.strides[axis] - 1) / window.strides[axis];
  }
};

// Absent for what stays as it is: dilated ones, and phases without taps.
absl::StatusOr<std::optional<Transposed>> Read(const Node& node, const Shape& src,
                                               const Shape& weights, const Shape& dst) {
  Transposed read;
  HT_ASSIGN_OR_RETURN(read.window, ResolveTransposedWindow(
                                       node, src, absl::MakeConstSpan(weights.dims()).subspan(2)));
  HT_ASSIGN_OR_RETURN(read.groups, node.Int("group", 1));
  read.channels = dst.dim(1);
  const Window& window = read.window;
  int64_t phases = 1;
  for (size_t axis = 0; axis < window.kernel.size(); ++axis) {
    const int64_t stride = window.strides[axis], kernel = window.kernel[axis];
    if (window.dilations[axis] != 1 || kernel < stride || stride > kMaxPhases / phases) {
      return std::optional<Transposed>();
    }
    phases *= stride;
    read.is_even = read.is_even && kernel % stride == 0;
    const int64_t in = src.dim(static_cast<int>(axis) + 2),
                  out = dst.dim(static_cast<int>(axis) + 2);
    const int64_t begin = window.pads_begin[axis];
    // Phases have at least as many taps as the last one.
    const int64_t first = std::min(begin / stride, read.Taps(axis, stride - 1) - 1);
    const int64_t end = std::max((begin + out - 1) / stride + 1, in);
    read.first.push_back(first);
    read.rows.push_back(end - first);
    read.crop.push_back(begin - first * stride);
    read.size.push_back(out);
  }
  return std::optional<Transposed>(std::move(read));
}

class Splitter {
 public:
  explicit Splitter(Graph graph) : graph_(std::move(graph)), names_(graph_) {}

  absl::StatusOr<Graph> Split() {
    std::vector<Node> nodes;
    for (const Node& node : graph_.nodes) {
      HT_ASSIGN_OR_RETURN(const std::optional<Transposed> transposed, Splittable(node));
      if (!transposed.has_value()) {
        nodes.push_back(node);
        continue;
      }
      Parts parts = Write(node, *transposed);
      nodes.insert(nodes.end(), parts.nodes.begin(), parts.nodes.end());
      graph_.initializers.merge(parts.constants);
    }
    graph_.nodes = std::move(nodes);
    RemoveUnused(graph_);
    return BindBatch(graph_, graph_.fixed_batch().value_or(1));
  }

 private:
  bool IsConstant(absl::string_view value) const {
    return graph_.initializers.count(std::string(value)) > 0;
  }
  const Shape& ShapeOf(const std::string& value) const { return graph_.values.at(value).shape; }

  absl::StatusOr<std::optional<Transposed>> Splittable(const Node& node) const {
    if (node.op != "ConvTranspose" || !node.domain.empty() || !IsConstant(node.Input(1)) ||
        (!node.Input(2).empty() && !IsConstant(node.Input(2)))) {
      return std::optional<Transposed>();
    }
    return Read(node, ShapeOf(node.inputs[0]), ShapeOf(node.inputs[1]), ShapeOf(node.outputs[0]));
  }

  // The weights of these phases, of kernels of one size: [channels * phases, sources, taps...],
  // phases of a channel beside each other. Taps run backwards, as a convolution reads its source
  // forwards.
  Tensor PhaseWeights(const Tensor& weights, const Transposed& transposed,
                      const std::vector<Ints>& phases) const {
    const Shape& shape = weights.shape();
    const int64_t sources = shape.dim(0) / transposed.groups, channels = shape.dim(1);
    const auto count = static_cast<int64_t>(phases.size());
    Ints taps;
    for (size_t axis = 0; axis < phases[0].size(); ++axis) {
      taps.push_back(transposed.Taps(axis, phases[0][axis]));
    }
    const std::vector<float> from = *weights.ToFloats();
    std::vector<float> to;
    to.reserve(static_cast<size_t>(transposed.channels * count * sources * Product(taps)));
    for (int64_t dst = 0; dst < transposed.channels; ++dst) {
      for (const Ints& phase : phases) {
        for (int64_t src = 0; src < sources; ++src) {
          Ints tap(taps.size(), 0);
          do {
            int64_t at = (dst / channels * sources + src) * channels + dst % channels;
            for (size_t axis = 0; axis < tap.size(); ++axis) {
              const int64_t stride = transposed.window.strides[axis];
              at = at * transposed.window.kernel[axis] + phase[axis] +
                   stride * (taps[axis] - 1 - tap[axis]);
            }
            to.push_back(from[static_cast<size_t>(at)]);
          } while (Advance(tap, taps));
        }
      }
    }
    Ints dims = {transposed.channels * count, sources};
    dims.insert(dims.end(), taps.begin(), taps.end());
    return Tensor::Of<float>(Shape(dims), std::move(to));
  }

  // The constant of that name, which nodes that share weights share.
  using Key = std::tuple<std::string, Ints, int64_t, std::string>;
  std::string Shared(const Key& key, absl::string_view name, PartsBuilder& builder,
                     const Tensor& tensor) {
    const auto found = shared_.find(key);
    if (found != shared_.end()) return found->second;
    return shared_[key] = builder.Constant(name, tensor);
  }

  std::string Convolution(const Node& node, const Transposed& transposed,
                          const std::vector<Ints>& phases, absl::string_view name,
                          PartsBuilder& builder) {
    const Window& window = transposed.window;
    const Tensor weights = PhaseWeights(graph_.initializers.at(node.inputs[1]), transposed, phases);
    const std::string suffix = phases.size() > 1 ? "" : absl::StrCat("/", name);
    PartsBuilder::Inputs inputs = {
        node.inputs[0], Shared({node.inputs[1], window.strides, transposed.groups, suffix},
                               absl::StrCat("weights", suffix), builder, weights)};
    if (!node.Input(2).empty()) {
      inputs.push_back(phases.size() == 1 ? node.inputs[2]
                                          : RepeatedBias(node, transposed, builder));
    }
    Ints pads_begin, pads_end;
    for (size_t axis = 0; axis < phases[0].size(); ++axis) {
      const int64_t taps = weights.shape().dim(static_cast<int>(axis) + 2);
      const int64_t size = ShapeOf(node.inputs[0]).dim(static_cast<int>(axis) + 2);
      pads_begin.push_back(taps - 1 - transposed.first[axis]);
      pads_end.push_back(transposed.first[axis] + transposed.rows[axis] - size);
    }
    Ints pads = pads_begin;
    pads.insert(pads.end(), pads_end.begin(), pads_end.end());
    return builder.Op("Conv", std::move(inputs),
                      {{"group", transposed.groups}, {"pads", std::move(pads)}}, name);
  }

  std::string RepeatedBias(const Node& node, const Transposed& transposed, PartsBuilder& builder) {
    const std::vector<float> bias = *graph_.initializers.at(node.inputs[2]).ToFloats();
    std::vector<float> repeated;
    for (const float value : bias) {
      repeated.insert(repeated.end(), static_cast<size_t>(transposed.phases()), value);
    }
    const Shape shape{static_cast<int64_t>(repeated.size())};
    return Shared({node.inputs[2], transposed.window.strides, 0, "bias"}, "bias", builder,
                  Tensor::Of<float>(shape, std::move(repeated)));
  }

  // Phases, in the channels of `src`, to their places along the spatial axes. `beside`: the phases
  // of a channel are beside each other, else the channels of a phase.
  std::string Weave(const std::string& src, const Transposed& transposed, bool beside,
                    PartsBuilder& builder) const {
    const Ints& strides = transposed.window.strides;
    const bool square = strides.size() == 2 && strides[0] == strides[1];
    if (square && (!beside || graph_.opset >= kOpsetOfModes)) {
      PartsBuilder::Attributes attributes = {{"blocksize", strides[0]}};
      if (beside) attributes["mode"] = std::string("CRD");
      return builder.Op("DepthToSpace", {src}, std::move(attributes));
    }
    const auto spatial = static_cast<int64_t>(strides.size());
    Ints apart = strides, order = {0, beside ? 1 : 1 + spatial}, woven = {0, transposed.channels};
    apart.insert(beside ? apart.begin() : apart.end(), transposed.channels);
    apart.insert(apart.begin(), 0);  // as many samples as there are
    apart.insert(apart.end(), transposed.rows.begin(), transposed.rows.end());
    for (int64_t axis = 0; axis < spatial; ++axis) {
      const auto at = static_cast<size_t>(axis);
      order.push_back(2 + spatial + axis);
      order.push_back((beside ? 2 : 1) + axis);
      woven.push_back(transposed.rows[at] * strides[at]);
    }
    return builder.Reshape(builder.Transpose(builder.Reshape(src, apart), order), woven);
  }

  std::string Crop(std::string src, const Transposed& transposed, PartsBuilder& builder) const {
    for (size_t axis = 0; axis < transposed.crop.size(); ++axis) {
      const int64_t begin = transposed.crop[axis], size = transposed.size[axis];
      const int64_t whole = transposed.rows[axis] * transposed.window.strides[axis];
      if (begin == 0 && size == whole) continue;
      src = builder.Slice(src, static_cast<int64_t>(axis) + 2, begin, begin + size);
    }
    return src;
  }

  Parts Write(const Node& node, const Transposed& transposed) {
    std::vector<Ints> phases;
    Ints phase(transposed.window.strides.size(), 0);
    do {
      phases.push_back(phase);
    } while (Advance(phase, transposed.window.strides));
    PartsBuilder builder(node, graph_.opset, names_);
    std::string dst;
    if (transposed.is_even) {
      dst = Convolution(node, transposed, phases, "phases", builder);
      builder.Name(dst);
    } else {
      PartsBuilder::Inputs results;
      for (size_t i = 0; i < phases.size(); ++i) {
        results.push_back(
            Convolution(node, transposed, {phases[i]}, absl::StrCat("phase", i), builder));
      }
      dst = builder.Concat(std::move(results), 1);
    }
    if (transposed.phases() > 1) dst = Weave(dst, transposed, transposed.is_even, builder);
    builder.Result(0, Crop(std::move(dst), transposed, builder));
    return builder.Take();
  }

  // The first opset whose DepthToSpace takes phases beside each other.
  static constexpr int64_t kOpsetOfModes = 11;

  Graph graph_;
  UniqueNames names_;
  std::map<Key, std::string> shared_;
};

}  // namespace

absl::StatusOr<Graph> SplitTransposedConvolutions(Graph graph) {
  const bool has_any = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                                   [](const Node& node) { return node.op == "ConvTranspose"; });
  if (!has_any) return graph;
  return Splitter(std::move(graph)).Split();
}

}  // namespace halftone
