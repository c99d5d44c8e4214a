#include "search/sensitivity/fisher_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace halftone {
namespace {

// Of a block that is summed up at a time: its part of the matrix stays in the cache while the
// samples of a batch go by.
constexpr size_t kTileRows = 16;
constexpr size_t kTileColumns = 256;

}  // namespace

FisherMatrix::FisherMatrix(const ChoiceColumns& columns, const LayerPairs* pairs,
                           const Options& options)
    : columns_(columns), options_(options), diagonal_(columns.size()) {
  if (!options.keep_matrix) return;
  const size_t entries = columns_.size() * columns_.size();
  sum_.resize(entries);
  if (options.keep_errors) squares_.resize(entries);
  for (size_t a = 0; a < columns_.layers(); ++a) {
    for (size_t b = a; b < columns_.layers(); ++b) {
      if (pairs != nullptr && !pairs->Contains(a, b)) continue;
      blocks_.push_back({columns_.Begin(a), columns_.End(a), columns_.Begin(b), columns_.End(b)});
    }
  }
}

void FisherMatrix::AddBatch(absl::Span<const double> rows, absl::Span<const double> weights,
                            size_t cotangents) {
  const size_t size = columns_.size();
  std::vector<double> scaled(rows.size());
  for (size_t row = 0; row < weights.size(); ++row) {
    const double scale = std::sqrt(weights[row]);
    for (size_t a = 0; a < size; ++a) scaled[row * size + a] = scale * rows[row * size + a];
  }
  const size_t samples = weights.size() / cotangents;
  for (size_t n = 0; n < samples; ++n) {
    for (size_t a = 0; a < size; ++a) {
      double squares = 0;
      for (size_t k = 0; k < cotangents; ++k) {
        const double value = scaled[(n * cotangents + k) * size + a];
        squares += value * value;
      }
      diagonal_[a].Add(squares);
      if (options_.keep_samples) sample_losses_.push_back(static_cast<float>(squares / 2));
    }
  }
  samples_ += static_cast<int64_t>(samples);
  for (const Block& block : blocks_) AddBlock(block, scaled, cotangents);
}

void FisherMatrix::AddBlock(const Block& block, absl::Span<const double> scaled,
                            size_t cotangents) {
  const size_t size = columns_.size();
  const size_t samples = scaled.size() / size / cotangents;
  std::array<double, kTileColumns> products;
  for (size_t row = block.row_begin; row < block.row_end; row += kTileRows) {
    const size_t row_end = std::min(row + kTileRows, block.row_end);
    for (size_t column = block.column_begin; column < block.column_end; column += kTileColumns) {
      const size_t width = std::min(kTileColumns, block.column_end - column);
      for (size_t n = 0; n < samples; ++n) {
        const double* sample = scaled.data() + n * cotangents * size;
        for (size_t a = row; a < row_end; ++a) {
          std::fill_n(products.begin(), width, 0.0);
          for (size_t k = 0; k < cotangents; ++k) {
            const double left = sample[k * size + a];
            const double* right = sample + k * size + column;
            for (size_t b = 0; b < width; ++b) products[b] += left * right[b];
          }
          double* sum = sum_.data() + a * size + column;
          for (size_t b = 0; b < width; ++b) sum[b] += products[b];
          if (squares_.empty()) continue;
          double* squares = squares_.data() + a * size + column;
          for (size_t b = 0; b < width; ++b) squares[b] += products[b] * products[b];
        }
      }
    }
  }
}

std::vector<double> FisherMatrix::Matrix() const {
  std::vector<double> matrix(sum_.size());
  const size_t size = columns_.size();
  for (const Block& block : blocks_) {
    for (size_t a = block.row_begin; a < block.row_end; ++a) {
      for (size_t b = std::max(a, block.column_begin); b < block.column_end; ++b) {
        matrix[a * size + b] = matrix[b * size + a] =
            sum_[a * size + b] / static_cast<double>(samples_);
      }
    }
  }
  return matrix;
}

std::vector<double> FisherMatrix::Errors() const {
  std::vector<double> errors(squares_.size());
  const size_t size = columns_.size();
  const auto samples = static_cast<double>(samples_);
  if (samples < 2) return errors;
  for (const Block& block : blocks_) {
    for (size_t a = block.row_begin; a < block.row_end; ++a) {
      for (size_t b = std::max(a, block.column_begin); b < block.column_end; ++b) {
        const double mean = sum_[a * size + b] / samples;
        const double variance = std::max(0.0, squares_[a * size + b] / samples - mean * mean);
        errors[a * size + b] = errors[b * size + a] = std::sqrt(variance / (samples - 1));
      }
    }
  }
  return errors;
}

}  // namespace halftone
