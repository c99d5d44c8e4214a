#ifndef HALFTONE_NN_QUANT_RESULT_ERROR_H_
#define HALFTONE_NN_QUANT_RESULT_ERROR_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "nn/quant/source_moments.h"

namespace halftone {

// What an error of one output channel's weights does to its result: e'Ce, C the covariances of what
// it reads, and (e'E[x])^2 besides unless a bias takes the mean error off; and a hundredth of the
// mean of C's diagonal times e'e, since sources that hardly vary in the data may do so elsewhere.
// Immutable.
class ResultError {
 public:
  ResultError(const SourceMoments& moments, int64_t group, bool keeps_mean);
  int64_t size() const { return size_; }
  using Pair = std::pair<absl::Span<const float>, absl::Span<const float>>;
  // The quadratic form of each pair of errors of all weights. The covariances, which do not fit the
  // nearest caches, are read once for every kAtOnce different first errors of pairs; pairs with the
  // same one stand next to each other. A pair's result depends on that pair alone, to the bit.
  static constexpr size_t kAtOnce = 6;
  std::vector<double> Products(absl::Span<const Pair> pairs) const;
  // The form's matrix times each of `errors`.
  std::vector<std::vector<float>> Times(absl::Span<const absl::Span<const float>> errors) const;
  // Its diagonal.
  absl::Span<const float> diagonal() const { return diagonal_; }

 private:
  template <typename Visit>
  void ForEachProduct(absl::Span<const absl::Span<const float>> errors, const Visit& visit) const;

  const int64_t size_;
  // Blocks one after the other, each in panels of kLanes columns, zeros after the last: what is
  // read at a time lies together.
  std::vector<float> covariances_;
  float ridge_ = 0;
  std::vector<float> means_;  // empty where they do not count
  std::vector<float> diagonal_;
};

// What a channel's scale is chosen by: the error e of its result, and how much smaller that gets.
// Least squares leaves an error that is orthogonal to what is left of the weights w, so that the
// result shrinks by the share w'Me / w'Mw, M the matrix of ResultError. All channels of all layers
// shrink, and their shares add up, while the rest of their errors does not: so
//   e'Me + kAlikeLayers (w'Me)^2 / w'Mw.
// Immutable; borrows `result`.
class ChannelError {
 public:
  // `response`: what ResultError::Times makes of the weights.
  ChannelError(const ResultError& result, absl::Span<const float> weights,
               std::vector<float> response);
  ChannelError(const ResultError& result, absl::Span<const float> weights);
  // The quadratic form of pairs of errors, as ResultError::Products takes them.
  std::vector<double> Products(absl::Span<const ResultError::Pair> pairs) const;
  // As Products of the errors with themselves, with no more than M's diagonal in its first part: in
  // time that grows with the weights, not with their square.
  double Estimate(absl::Span<const float> errors) const;
  int64_t size() const { return result_.size(); }

  // Flat: 4 to 16 do the same on networks of 14 to 40 layers.
  static constexpr double kAlikeLayers = 8;

 private:
  const ResultError& result_;
  const std::vector<float> response_;  // Mw
  double alike_ = 0;                   // kAlikeLayers / w'Mw
};

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_RESULT_ERROR_H_
