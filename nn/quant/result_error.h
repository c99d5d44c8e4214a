#ifndef HALFTONE_NN_QUANT_RESULT_ERROR_H_
#define HALFTONE_NN_QUANT_RESULT_ERROR_H_

#include <array>
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
  // The quadratic form of pairs of errors of all weights; several at once read the covariances
  // once.
  static constexpr size_t kAtOnce = 3;
  using Pair = std::pair<absl::Span<const float>, absl::Span<const float>>;
  std::array<double, kAtOnce> Products(const std::array<Pair, kAtOnce>& pairs) const;
  // The form's matrix times `errors`.
  std::vector<float> Times(absl::Span<const float> errors) const;
  // Its diagonal.
  absl::Span<const float> diagonal() const { return diagonal_; }

 private:
  const int64_t size_;
  std::vector<float> covariances_;  // each row of a block with zeros after it
  float ridge_ = 0;
  std::vector<float> means_;  // empty where they do not count
  std::vector<float> diagonal_;
};

// What a channel's scale is chosen by: the error e of its result, and how much smaller that gets.
// Least squares leaves an error that is orthogonal to what is left of the weights w, so that the
// result shrinks by the share w'Me / w'Mw, M the matrix of ResultError. All channels of all layers
// shrink, and their shares add up, while the rest of their errors does not: so
//   e'Me + kAlikeLayers (w'Me)^2 / w'Mw.
// Immutable; borrows both.
class ChannelError {
 public:
  ChannelError(const ResultError& result, absl::Span<const float> weights);
  // The quadratic form of pairs of errors.
  std::array<double, ResultError::kAtOnce> Products(
      const std::array<ResultError::Pair, ResultError::kAtOnce>& pairs) const;
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
