#ifndef HALFTONE_SEARCH_SENSITIVITY_SOURCE_ROWS_H_
#define HALFTONE_SEARCH_SENSITIVITY_SOURCE_ROWS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"

namespace halftone {

// A layer's source as its output channels read it: one row for each position of its result, of
// `groups` x `size` values in the order of a channel's weights; what padding adds is 0. The rows of
// a convolution are its windows, those of a matrix product the rows of its source. Immutable.
class SourceRows {
 public:
  // Of a layer of a bound graph. None for layers without weights, with weights on the left, in
  // stacks, or with a transposed source.
  static std::optional<SourceRows> Of(const Graph& graph, const Layer& layer);

  int64_t groups() const { return groups_; }
  int64_t size() const { return size_; }
  // Writes one of the rows of whole samples, given their values.
  void Copy(absl::Span<const float> values, int64_t row, absl::Span<float> dst) const;

 private:
  SourceRows() = default;
  static std::optional<SourceRows> OfConvolution(const Graph& graph, const Node& node,
                                                 const Layer& layer);
  int64_t SourceOf(int64_t position, int64_t tap) const;

  int64_t groups_ = 1, size_ = 0;
  int64_t elements_ = 0;  // of the source that make up `positions_` rows
  int64_t positions_ = 1;
  int64_t channels_ = 1;  // of the source; 1 for a matrix product
  int64_t taps_ = 0;      // elements of the window
  // For each spatial axis the size of src, and for each (position, tap) along it where that is in
  // src (negative: in the padding).
  struct Axis {
    int64_t src = 1, positions = 1, taps = 1;
    std::vector<int64_t> places;  // [positions][taps]
  };
  std::vector<Axis> axes_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_SOURCE_ROWS_H_
