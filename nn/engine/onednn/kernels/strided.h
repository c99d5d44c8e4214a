#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_STRIDED_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_STRIDED_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "nn/engine/onednn/kernels/parallel.h"

namespace halftone {

// A nest of loops over `Operands` tensors that are walked together, outermost axis first: an axis
// of a tensor that is broadcast has stride 0.
template <size_t Operands>
struct StridedLoop {
  using Offsets = std::array<int64_t, Operands>;
  struct Axis {
    int64_t size;
    Offsets strides;  // in elements
  };
  std::vector<Axis> axes;
  Offsets start{};  // the offset of the first element of each tensor

  // Drops axes of size 1 and joins those that all operands walk as one. Leaves at least one axis.
  void Simplify() {
    std::vector<Axis> joined;
    for (const Axis& axis : axes) {
      if (axis.size == 1) continue;
      if (!joined.empty() && Continues(joined.back(), axis)) {
        joined.back() = {joined.back().size * axis.size, axis.strides};
      } else {
        joined.push_back(axis);
      }
    }
    if (joined.empty()) joined.push_back({1, {}});
    axes = std::move(joined);
  }

 private:
  static bool Continues(const Axis& outer, const Axis& inner) {
    for (size_t i = 0; i < Operands; ++i) {
      if (outer.strides[i] != inner.strides[i] * inner.size) return false;
    }
    return true;
  }
};

// Calls row(count, offsets) for pieces of the innermost axis, in parallel; within a piece, operand
// i moves by loop.axes.back().strides[i]. `loop` is simplified and has no axis of size 0.
template <size_t Operands, typename Row>
void RunStrided(const StridedLoop<Operands>& loop, const Row& row) {
  constexpr int64_t kPiece = 4096;
  using Offsets = typename StridedLoop<Operands>::Offsets;
  const auto& inner = loop.axes.back();
  const int64_t pieces_per_row = (inner.size + kPiece - 1) / kPiece;
  int64_t pieces = pieces_per_row;
  for (size_t i = 0; i + 1 < loop.axes.size(); ++i) pieces *= loop.axes[i].size;
  const int64_t grain = std::max<int64_t>(1, kParallelGrain / std::min(inner.size, kPiece));
  ParallelFor(pieces, grain, [&](int64_t begin, int64_t end) {
    // The place of piece `begin`, then counted on like an odometer.
    int64_t rest = begin / pieces_per_row;
    int64_t in_row = begin % pieces_per_row;
    std::vector<int64_t> index(loop.axes.size(), 0);
    Offsets base = loop.start;
    for (size_t axis = loop.axes.size() - 1; axis-- > 0;) {
      index[axis] = rest % loop.axes[axis].size;
      rest /= loop.axes[axis].size;
      for (size_t i = 0; i < Operands; ++i) base[i] += index[axis] * loop.axes[axis].strides[i];
    }
    for (int64_t piece = begin; piece < end; ++piece) {
      Offsets offsets = base;
      for (size_t i = 0; i < Operands; ++i) offsets[i] += in_row * kPiece * inner.strides[i];
      row(std::min(kPiece, inner.size - in_row * kPiece), offsets);
      if (++in_row < pieces_per_row) continue;
      in_row = 0;
      for (size_t axis = loop.axes.size() - 1; axis-- > 0;) {
        const auto& outer = loop.axes[axis];
        for (size_t i = 0; i < Operands; ++i) base[i] += outer.strides[i];
        if (++index[axis] < outer.size) break;
        for (size_t i = 0; i < Operands; ++i) base[i] -= outer.size * outer.strides[i];
        index[axis] = 0;
      }
    }
  });
}

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_STRIDED_H_
