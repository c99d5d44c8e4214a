#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "search/sensitivity/hessian_program.h"
#include "search/sensitivity/traces.h"

namespace halftone {
namespace {

// Probes that share one forward pass and one gradient.
constexpr int kProbesPerRun = 8;
// Fewer say too little about their own spread.
constexpr int kMinProbes = 8;

// Samples that share their probes, however many of them are computed at once.
constexpr int64_t kBlock = 32;

// The Rademacher probe of that number for a block of samples: the same whatever else was drawn
// before it.
std::vector<float> DrawProbe(uint64_t seed, int probe, int64_t block, size_t tensor,
                             int64_t elements) {
  SplitMix64 random(
      seed, (static_cast<uint64_t>(probe) << 44) ^ (static_cast<uint64_t>(block) << 16) ^ tensor);
  std::vector<float> signs(static_cast<size_t>(elements));
  for (float& sign : signs) sign = random.Sign();
  return signs;
}

bool AllWithin(const std::vector<MeanEstimate>& traces, double tolerance) {
  return std::all_of(traces.begin(), traces.end(), [&](const MeanEstimate& trace) {
    return trace.standard_error() <= tolerance * std::fabs(trace.mean());
  });
}

// Takes probes in groups. Each block of samples has probes of its own: the trace of the mean
// Hessian is the mean of the blocks' traces, and the noise of blocks that are probed apart averages
// out, at no cost. No batch reaches across blocks, so that the probes do not depend on the batch.
class TraceEstimator {
 public:
  TraceEstimator(const SensitivityRequest& request, HessianProduct& product, int group)
      : request_(request),
        product_(product),
        group_(group),
        block_(std::max(kBlock, request.network.graph.fixed_batch().value_or(1))),
        traces_(product.tensors().size()) {}

  // Runs probes [first, first + count) over all samples; count is at most the group.
  absl::Status RunProbes(int first, int count, const Progress& progress) {
    const size_t tensors = product_.tensors().size();
    std::vector<double> sums(static_cast<size_t>(count) * tensors, 0.0);
    const int64_t samples = request_.data.samples();
    const auto share = [&](int64_t begin) {
      return static_cast<double>(begin) / static_cast<double>(samples);
    };
    for (int64_t begin = 0; begin < samples; begin += block_) {
      const int64_t end = std::min(begin + block_, samples);
      HT_RETURN_IF_ERROR(SetProbes(first, begin / block_));
      HT_RETURN_IF_ERROR(RunBlock(begin, end, progress.Part(share(begin), share(end)), sums));
    }
    for (size_t i = 0; i < sums.size(); ++i) {
      traces_[i % tensors].Add(sums[i] / static_cast<double>(samples));
    }
    return absl::OkStatus();
  }

  const std::vector<MeanEstimate>& traces() const { return traces_; }

 private:
  absl::Status SetProbes(int first, int64_t block) {
    const std::vector<WeightTensor>& tensors = product_.tensors();
    for (int i = 0; i < group_; ++i) {
      for (size_t t = 0; t < tensors.size(); ++t) {
        HT_RETURN_IF_ERROR(product_.SetVector(
            i, t,
            DrawProbe(request_.options.seed, first + i, block, t, tensors[t].values.elements())));
      }
    }
    return absl::OkStatus();
  }

  // Adds the forms of the block's samples to `sums`, [probe][tensor].
  absl::Status RunBlock(int64_t begin, int64_t end, const Progress& progress,
                        std::vector<double>& sums) {
    const size_t tensors = product_.tensors().size();
    return ForEachBatch(
        end - begin, product_.batch(), progress, [&](int64_t from, int64_t valid) -> absl::Status {
          HT_RETURN_IF_ERROR(product_.RunBatch(begin + from, valid, progress.cancellation));
          for (size_t i = 0; i < sums.size(); ++i) {
            sums[i] += product_.Result(static_cast<int>(i / tensors), i % tensors)[0];
          }
          return absl::OkStatus();
        });
  }

  const SensitivityRequest& request_;
  HessianProduct& product_;
  const int group_;
  const int64_t block_;
  std::vector<MeanEstimate> traces_;
};

}  // namespace

absl::StatusOr<NetworkTraces> HutchinsonTraces(const SensitivityRequest& asked,
                                               const Progress& progress) {
  SensitivityOptions options = asked.options;
  options.batch = std::min(options.batch, static_cast<int>(kBlock));
  const SensitivityRequest request = {asked.network, asked.data, asked.calibration,
                                      asked.precisions, options};
  const int group = std::min(kProbesPerRun, options.probes);
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  HT_ASSIGN_OR_RETURN(
      auto product, HessianProduct::Create(request, HessianProduct::Mode::kQuadraticForms, group));
  TraceEstimator estimator(request, *product, group);
  NetworkTraces result;
  while (result.probes < options.probes) {
    const int count = std::min(group, options.probes - result.probes);
    const auto fraction = [&](int done) { return static_cast<double>(done) / options.probes; };
    HT_RETURN_IF_ERROR(estimator.RunProbes(
        result.probes, count,
        progress.Part(fraction(result.probes), fraction(result.probes + count))));
    result.probes += count;
    if (result.probes >= kMinProbes && AllWithin(estimator.traces(), options.tolerance)) break;
  }
  for (const MeanEstimate& trace : estimator.traces()) {
    result.traces.push_back({trace.mean(), trace.standard_error(), TraceKind::kHutchinson});
  }
  result.tensors = product->tensors();
  result.output_metric = product->output_metric();
  HT_RETURN_IF_ERROR(progress.Step(1, absl::StrCat(result.probes, " probes")));
  return result;
}

}  // namespace halftone
