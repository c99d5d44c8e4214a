#ifndef HALFTONE_SEARCH_SENSITIVITY_FISHER_MATRIX_H_
#define HALFTONE_SEARCH_SENSITIVITY_FISHER_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "search/sensitivity/choice.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/layer_pairs.h"

namespace halftone {

// Accumulates G_ab = mean_n g_ab(n), g_ab(n) = sum_k w_nk S[n,k,a] S[n,k,b], and the standard
// errors of its entries over samples. Sums are in double; memory does not grow with the samples
// unless their losses are kept. Not thread-safe.
class FisherMatrix {
 public:
  struct Options {
    bool keep_matrix = false;   // else the diagonal alone
    bool keep_errors = false;   // of the matrix's entries
    bool keep_samples = false;  // the losses of every sample: memory grows with the samples
  };
  // Without `pairs` all pairs of layers are kept, else only those; entries of others are 0.
  FisherMatrix(const ChoiceColumns& columns, const LayerPairs* pairs, const Options& options);

  // The rows of one batch, [sample][cotangent][column], and weights [sample][cotangent].
  void AddBatch(absl::Span<const double> rows, absl::Span<const double> weights, size_t cotangents);

  size_t size() const { return columns_.size(); }
  int64_t samples() const { return samples_; }
  // Half the diagonal: the loss of a choice, and its standard error over samples.
  double Loss(size_t column) const { return diagonal_[column].mean() / 2; }
  double LossError(size_t column) const { return diagonal_[column].standard_error() / 2; }
  // G, columns x columns; empty without keep_matrix.
  std::vector<double> Matrix() const;
  // The standard errors of its entries; empty without keep_errors.
  std::vector<double> Errors() const;

  // With keep_samples: g_aa(n) / 2, [sample][column].
  const std::vector<float>& sample_losses() const { return sample_losses_; }

 private:
  // Two layers whose choices' products are kept: a block of the upper triangle.
  struct Block {
    size_t row_begin, row_end, column_begin, column_end;
  };
  void AddBlock(const Block& block, absl::Span<const double> scaled, size_t cotangents);

  ChoiceColumns columns_;
  Options options_;
  std::vector<Block> blocks_;
  std::vector<MeanEstimate> diagonal_;
  std::vector<double> sum_, squares_;  // of g_ab(n), upper triangle in a full array
  std::vector<float> sample_losses_;
  int64_t samples_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_FISHER_MATRIX_H_
