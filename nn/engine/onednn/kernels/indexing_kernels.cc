#include "nn/engine/onednn/kernels/indexing_kernels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/onednn/kernels/parallel.h"

namespace halftone {
namespace {

int64_t RowGrain(int64_t row) {
  return std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(row, 1));
}

// Index `number` of all.
absl::StatusOr<int64_t> ResolveIndex(float index, int64_t size, size_t number) {
  const auto bound = static_cast<float>(size);
  if (!(index >= -bound && index < bound) || index != std::floor(index)) {
    return absl::InvalidArgumentError(
        absl::StrCat("index ", index, " (element ", number,
                     " of its indices) is outside of an axis of size ", size));
  }
  const auto whole = static_cast<int64_t>(index);
  return whole < 0 ? whole + size : whole;
}

// Whether a comes before b in a descending order.
bool IsLarger(float a, float b) { return std::isnan(a) ? !std::isnan(b) : a > b; }

}  // namespace

absl::StatusOr<std::vector<int64_t>> ResolveTuples(const TupleView& view, const float* indices) {
  std::vector<int64_t> rows(static_cast<size_t>(view.batches * view.tuples), 0);
  size_t number = 0;
  for (int64_t& row : rows) {
    for (const int64_t size : view.sizes) {
      HT_ASSIGN_OR_RETURN(const int64_t index, ResolveIndex(indices[number], size, number));
      row = row * size + index;
      ++number;
    }
  }
  return rows;
}

void GatherRowsKernel(const TupleView& view, const std::vector<int64_t>& rows, const float* src,
                      float* dst) {
  const int64_t in_batch = view.Rows(), inner = view.inner;
  ParallelFor(view.batches * view.tuples, RowGrain(inner), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / view.tuples * in_batch + rows[static_cast<size_t>(i)];
      std::copy_n(src + row * inner, inner, dst + i * inner);
    }
  });
}

void ScatterRowsAddKernel(const TupleView& view, const std::vector<int64_t>& rows, const float* src,
                          float* dst) {
  const int64_t in_batch = view.Rows(), inner = view.inner;
  ParallelFor(view.batches, RowGrain(view.tuples * inner), [&](int64_t begin, int64_t end) {
    std::fill(dst + begin * in_batch * inner, dst + end * in_batch * inner, 0.0f);
    for (int64_t i = begin * view.tuples; i < end * view.tuples; ++i) {
      const int64_t row = i / view.tuples * in_batch + rows[static_cast<size_t>(i)];
      for (int64_t n = 0; n < inner; ++n) dst[row * inner + n] += src[i * inner + n];
    }
  });
}

void LastWriterKernel(const TupleView& view, const std::vector<int64_t>& rows, float* dst) {
  const int64_t in_batch = view.Rows();
  ParallelFor(view.batches, RowGrain(view.tuples), [&](int64_t begin, int64_t end) {
    std::fill(dst + begin * in_batch, dst + end * in_batch, -1.0f);
    for (int64_t i = begin * view.tuples; i < end * view.tuples; ++i) {
      dst[i / view.tuples * in_batch + rows[static_cast<size_t>(i)]] =
          static_cast<float>(i % view.tuples);
    }
  });
}

void SortPositionsKernel(int64_t rows, int64_t size, int64_t kept, bool descending,
                         const float* src, float* dst) {
  ParallelFor(rows, RowGrain(size), [&](int64_t begin, int64_t end) {
    std::vector<int64_t> order(static_cast<size_t>(size));
    for (int64_t row = begin; row < end; ++row) {
      const float* values = src + row * size;
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                        [&](int64_t a, int64_t b) {
                          const float x = values[a], y = values[b];
                          if (IsLarger(x, y)) return descending;
                          if (IsLarger(y, x)) return !descending;
                          return a < b;
                        });
      std::transform(order.begin(), order.begin() + kept, dst + row * kept,
                     [](int64_t position) { return static_cast<float>(position); });
    }
  });
}

}  // namespace halftone
