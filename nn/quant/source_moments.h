#ifndef HALFTONE_NN_QUANT_SOURCE_MOMENTS_H_
#define HALFTONE_NN_QUANT_SOURCE_MOMENTS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace halftone {

// First and second moments of what the output channels of a layer read: `size` sources x for each
// of `groups` groups of channels, in the order of a channel's weights. Of the second ones only
// those between the sources of a block: a product of `size` x `size` would be too large for layers
// of many sources, and near ones (a channel's window, neighbouring channels) are most alike.
struct SourceMoments {
  static constexpr int64_t kBlock = 512;

  int64_t groups = 1;
  int64_t size = 0;
  std::vector<double> means;       // E[x], [groups][size]
  std::vector<float> covariances;  // of x, [groups][size][sources of its block: kBlock or the rest]

  // Where the block begins that source `i` is in, and how many sources it has.
  static int64_t BlockBegin(int64_t i) { return i / kBlock * kBlock; }
  int64_t BlockSize(int64_t i) const;
  // Elements of `covariances` for each group.
  static int64_t CovarianceElements(int64_t size);
};

// Accumulates moments in double, in memory that does not grow with the rows. Not thread-safe.
class MomentAccumulator {
 public:
  MomentAccumulator(int64_t groups, int64_t size);
  // Rows of groups * size sources each.
  void Add(absl::Span<const float> rows);
  int64_t groups() const { return groups_; }
  int64_t size() const { return size_; }
  // That it holds.
  double bytes() const {
    return static_cast<double>(sizeof(double) * (sums_.size() + products_.size()));
  }
  // With at least one row.
  SourceMoments Moments() const;

 private:
  void AddBlock(absl::Span<const float> rows, int64_t first, int64_t size, double* products);

  const int64_t groups_, size_;
  int64_t rows_ = 0;
  // Laid out as means and covariances are; of a block what is right of its diagonal.
  std::vector<double> sums_, products_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_QUANT_SOURCE_MOMENTS_H_
