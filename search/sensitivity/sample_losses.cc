#include "search/sensitivity/sample_losses.h"

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr size_t kMaxValues = size_t{1} << 28;  // 1 GiB of floats

}  // namespace

absl::Status CheckSampleLosses(int64_t samples, size_t columns) {
  if (columns == 0 || static_cast<size_t>(samples) <= kMaxValues / columns) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "resampling keeps the losses of ", columns, " choices on ", samples, " samples, more than ",
      kMaxValues, " numbers: take fewer samples or precisions"));
}

absl::StatusOr<std::vector<std::vector<double>>> SampleLosses::Resample(
    int resamples, uint64_t seed, const Cancellation& cancellation) const {
  std::vector<std::vector<double>> means;
  for (int b = 0; b < resamples; ++b) {
    HT_RETURN_IF_ERROR(cancellation.Check());
    SplitMix64 random(seed, static_cast<uint64_t>(b));
    std::vector<int> drawn(samples_, 0);
    for (size_t n = 0; n < samples_; ++n) {
      ++drawn[static_cast<size_t>(random.Uniform() * static_cast<double>(samples_))];
    }
    std::vector<double>& mean = means.emplace_back(columns_, 0.0);
    for (size_t n = 0; n < samples_; ++n) {
      if (drawn[n] == 0) continue;
      const double weight = drawn[n] / static_cast<double>(samples_);
      const float* row = values_.data() + n * columns_;
      for (size_t a = 0; a < columns_; ++a) mean[a] += weight * static_cast<double>(row[a]);
    }
  }
  return means;
}

}  // namespace halftone
