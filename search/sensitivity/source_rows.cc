#include "search/sensitivity/source_rows.h"

#include <algorithm>
#include <cstddef>

#include "nn/graph/window.h"

namespace halftone {

std::optional<SourceRows> SourceRows::Of(const Graph& graph, const Layer& layer) {
  const Node* node = graph.FindNode(layer.name);
  if (node == nullptr || layer.weights.empty() || node->Input(1) != layer.weights ||
      node->Input(0) != layer.src) {
    return std::nullopt;
  }
  if (node->op == "Conv") return OfConvolution(graph, *node, layer);
  const absl::StatusOr<int64_t> transposed = node->Int("transA", 0);
  if (layer.weights_shape.rank() != 2 || !transposed.ok() || *transposed != 0) return std::nullopt;
  SourceRows rows;
  rows.size_ = rows.elements_ = rows.taps_ = layer.weights_shape.dim(1 - layer.channel_axis);
  rows.axes_.push_back({rows.size_, 1, rows.size_, {}});
  for (int64_t i = 0; i < rows.size_; ++i) rows.axes_[0].places.push_back(i);
  return rows.size_ > 0 ? std::optional(rows) : std::nullopt;
}

std::optional<SourceRows> SourceRows::OfConvolution(const Graph& graph, const Node& node,
                                                    const Layer& layer) {
  const auto info = graph.values.find(layer.src);
  if (info == graph.values.end() || layer.weights_shape.rank() < 3) return std::nullopt;
  const Shape& src = info->second.shape;
  const auto window =
      ResolveWindow(node, src, absl::MakeConstSpan(layer.weights_shape.dims()).subspan(2));
  if (!window.ok()) return std::nullopt;
  SourceRows rows;
  rows.groups_ = layer.groups;
  rows.channels_ = rows.elements_ = src.dim(1);
  rows.taps_ = 1;
  for (size_t i = 0; i < window->kernel.size(); ++i) {
    Axis axis{src.dim(static_cast<int>(i) + 2), window->dst[i], window->kernel[i], {}};
    for (int64_t position = 0; position < axis.positions; ++position) {
      for (int64_t tap = 0; tap < axis.taps; ++tap) {
        const int64_t place =
            position * window->strides[i] + tap * window->dilations[i] - window->pads_begin[i];
        axis.places.push_back(place < axis.src ? std::max<int64_t>(place, -1) : -1);
      }
    }
    rows.elements_ *= axis.src;
    rows.positions_ *= axis.positions;
    rows.taps_ *= axis.taps;
    rows.axes_.push_back(std::move(axis));
  }
  rows.size_ = rows.channels_ / rows.groups_ * rows.taps_;
  return rows.elements_ > 0 && rows.size_ > 0 ? std::optional(rows) : std::nullopt;
}

// Within one channel; negative: in the padding.
int64_t SourceRows::SourceOf(int64_t position, int64_t tap) const {
  int64_t source = 0, stride = 1;
  for (size_t i = axes_.size(); i-- > 0;) {
    const Axis& axis = axes_[i];
    const int64_t place =
        axis.places[static_cast<size_t>(position % axis.positions * axis.taps + tap % axis.taps)];
    if (place < 0) return -1;
    source += place * stride;
    stride *= axis.src;
    position /= axis.positions;
    tap /= axis.taps;
  }
  return source;
}

void SourceRows::Copy(absl::Span<const float> values, int64_t row, absl::Span<float> dst) const {
  const float* const sample = values.data() + row / positions_ * elements_;
  const int64_t of_channel = elements_ / channels_;
  for (int64_t tap = 0; tap < taps_; ++tap) {
    const int64_t source = SourceOf(row % positions_, tap);
    for (int64_t channel = 0; channel < channels_; ++channel) {
      dst[static_cast<size_t>(channel * taps_ + tap)] =
          source < 0 ? 0.0f : sample[channel * of_channel + source];
    }
  }
}

}  // namespace halftone
