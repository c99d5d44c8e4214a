#include "nn/engine/onednn/kernels/stack_product_kernel.h"

#include <algorithm>
#include <array>
#include <vector>

#include "nn/engine/onednn/kernels/parallel.h"

namespace halftone {
namespace {

// Elements that one piece of work covers, and those whose products are summed in float32: few, so
// that what is rounded is far below what the factors are exact to. A tile of every row of a usual
// product lies in the first-level cache.
constexpr int64_t kPiece = 32768;
constexpr int64_t kTile = 512;
// Rows that are multiplied with one column at a time, and their independent partial sums: as many
// as keep vector units busy, and always the same number, so that the order of additions is fixed.
constexpr size_t kRows = 4;
constexpr int kLanes = 32;

HT_TARGET_CLONES void Subtract(int64_t count, const float* a, const float* b, float* dst) {
  for (int64_t i = 0; i < count; ++i) dst[i] = a[i] - b[i];
}

// The sum of the lanes, in pairs.
[[gnu::always_inline]] inline double SumLanes(const float* lanes) {
  double sums[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) sums[lane] = lanes[lane];
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

// sums[r] += <rows[r], column>.
HT_TARGET_CLONES void DotRows(int64_t count, const std::array<const float*, kRows>& rows,
                              const float* column, double* sums) {
  const float *const r0 = rows[0], *const r1 = rows[1], *const r2 = rows[2], *const r3 = rows[3];
  float lanes0[kLanes] = {}, lanes1[kLanes] = {}, lanes2[kLanes] = {}, lanes3[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float factor = column[i + lane];
      lanes0[lane] += r0[i + lane] * factor;
      lanes1[lane] += r1[i + lane] * factor;
      lanes2[lane] += r2[i + lane] * factor;
      lanes3[lane] += r3[i + lane] * factor;
    }
  }
  for (int lane = 0; i < count; ++i, ++lane) {
    lanes0[lane] += r0[i] * column[i];
    lanes1[lane] += r1[i] * column[i];
    lanes2[lane] += r2[i] * column[i];
    lanes3[lane] += r3[i] * column[i];
  }
  sums[0] += SumLanes(lanes0);
  sums[1] += SumLanes(lanes1);
  sums[2] += SumLanes(lanes2);
  sums[3] += SumLanes(lanes3);
}

// One tile of elements of every row and column.
class Tile {
 public:
  Tile(absl::Span<const StackRow> rows, absl::Span<const StackRow> columns)
      : rows_(rows),
        columns_(columns),
        differences_((rows.size() + 1) * kTile),
        row_tiles_((rows.size() + kRows - 1) / kRows * kRows),
        sums_(row_tiles_.size() * columns.size()) {}

  // Adds the products over elements [begin, begin + count).
  void Add(int64_t begin, int64_t count) {
    // The last rows are repeated to fill a group; their sums are not read.
    for (size_t r = 0; r < row_tiles_.size(); ++r) {
      row_tiles_[r] =
          r < rows_.size() ? Load(rows_[r], begin, count, r) : row_tiles_[rows_.size() - 1];
    }
    for (size_t c = 0; c < columns_.size(); ++c) {
      const float* column = Load(columns_[c], begin, count, rows_.size());
      for (size_t r = 0; r < row_tiles_.size(); r += kRows) {
        DotRows(count, {row_tiles_[r], row_tiles_[r + 1], row_tiles_[r + 2], row_tiles_[r + 3]},
                column, &sums_[c * row_tiles_.size() + r]);
      }
    }
  }

  // Writes the sums [rows, columns] and starts anew.
  void Take(double* sums) {
    for (size_t r = 0; r < rows_.size(); ++r) {
      for (size_t c = 0; c < columns_.size(); ++c) *sums++ = sums_[c * row_tiles_.size() + r];
    }
    std::fill(sums_.begin(), sums_.end(), 0.0);
  }

 private:
  const float* Load(const StackRow& row, int64_t begin, int64_t count, size_t place) {
    if (row.subtracted == nullptr) return row.value + begin;
    float* const tile = &differences_[place * kTile];
    Subtract(count, row.value + begin, row.subtracted + begin, tile);
    return tile;
  }

  absl::Span<const StackRow> rows_, columns_;
  std::vector<float> differences_;  // a tile per row, and one for the column
  std::vector<const float*> row_tiles_;
  std::vector<double> sums_;  // [column, row]
};

}  // namespace

void StackProductKernel(int64_t samples, int64_t elements, absl::Span<const StackRow> rows,
                        absl::Span<const StackRow> columns, float* dst) {
  const auto products = static_cast<int64_t>(rows.size() * columns.size());
  const int64_t pieces = std::max<int64_t>(1, (elements + kPiece - 1) / kPiece);
  std::vector<double> sums(static_cast<size_t>(samples * pieces * products));
  const int64_t grain = std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(elements, 1));
  ParallelFor(samples * pieces, grain, [&](int64_t first, int64_t last) {
    Tile tile(rows, columns);
    for (int64_t work = first; work < last; ++work) {
      const int64_t start = work / pieces * elements;
      const int64_t begin = start + work % pieces * kPiece;
      const int64_t end = std::min(begin + kPiece, start + elements);
      for (int64_t at = begin; at < end; at += kTile) tile.Add(at, std::min(kTile, end - at));
      tile.Take(sums.data() + work * products);
    }
  });
  for (int64_t n = 0; n < samples; ++n) {
    for (int64_t i = 0; i < products; ++i) {
      double sum = 0;
      for (int64_t piece = 0; piece < pieces; ++piece) {
        sum += sums[static_cast<size_t>((n * pieces + piece) * products + i)];
      }
      dst[n * products + i] = static_cast<float>(sum);
    }
  }
}

}  // namespace halftone
