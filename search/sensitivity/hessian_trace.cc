#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "search/sensitivity/hessian_program.h"
#include "search/sensitivity/methods.h"

namespace halftone {
namespace {

// Probes that share one forward pass and one gradient.
constexpr int kProbesPerRun = 4;
// Fewer say too little about their own spread.
constexpr int kMinProbes = 8;

// The Rademacher probe of that number: the same whatever else was drawn before it.
std::vector<float> DrawProbe(uint64_t seed, int probe, size_t tensor, int64_t elements) {
  SplitMix64 random(seed, (static_cast<uint64_t>(probe) << 24) ^ tensor);
  std::vector<float> signs(static_cast<size_t>(elements));
  for (float& sign : signs) sign = random.Sign();
  return signs;
}

bool AllWithin(const std::vector<MeanEstimate>& traces, double tolerance) {
  return std::all_of(traces.begin(), traces.end(), [&](const MeanEstimate& trace) {
    return trace.standard_error() <= tolerance * std::fabs(trace.mean());
  });
}

// Runs the next probes, `group` of them at most, and adds their forms to `traces`.
absl::Status RunProbes(HessianProduct& product, uint64_t seed, int first, int count, int group,
                       const Progress& progress, std::vector<MeanEstimate>& traces) {
  const std::vector<WeightTensor>& tensors = product.tensors();
  for (int i = 0; i < group; ++i) {
    for (size_t t = 0; t < tensors.size(); ++t) {
      HT_RETURN_IF_ERROR(
          product.SetVector(i, t, DrawProbe(seed, first + i, t, tensors[t].values.elements())));
    }
  }
  HT_RETURN_IF_ERROR(product.Run(progress));
  for (int i = 0; i < count; ++i) {
    for (size_t t = 0; t < tensors.size(); ++t) traces[t].Add(product.Result(i, t)[0]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureHessianTrace(const SensitivityRequest& request,
                                                      const Progress& progress) {
  const SensitivityOptions& options = request.options;
  SensitivityResult result = MakeResult(request);
  const int group = std::min(kProbesPerRun, options.probes);
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  HT_ASSIGN_OR_RETURN(
      auto product, HessianProduct::Create(request, HessianProduct::Mode::kQuadraticForms, group));
  result.output_metric = product->output_metric();
  std::vector<MeanEstimate> traces(product->tensors().size());
  int probes = 0;
  while (probes < options.probes) {
    const int count = std::min(group, options.probes - probes);
    const auto fraction = [&](int done) { return static_cast<double>(done) / options.probes; };
    HT_RETURN_IF_ERROR(RunProbes(*product, options.seed, probes, count, group,
                                 progress.Part(fraction(probes), fraction(probes + count)),
                                 traces));
    probes += count;
    if (probes >= kMinProbes && AllWithin(traces, options.tolerance)) break;
  }
  result.probes = probes;
  std::vector<ScaledError> scales;
  for (size_t t = 0; t < traces.size(); ++t) {
    scales.push_back({traces[t].mean(), traces[t].standard_error()});
    for (const size_t l : product->tensors()[t].layers) {
      result.layers[l].trace = traces[t].mean();
      result.layers[l].trace_stderr = traces[t].standard_error();
    }
  }
  HT_RETURN_IF_ERROR(SetWeightLosses(request, product->tensors(), scales, result));
  HT_RETURN_IF_ERROR(progress.Step(1, absl::StrCat(probes, " probes")));
  return result;
}

}  // namespace halftone
