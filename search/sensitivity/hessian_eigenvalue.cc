#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "search/sensitivity/hessian_program.h"
#include "search/sensitivity/lanczos.h"
#include "search/sensitivity/methods.h"

namespace halftone {
namespace {

// The error of a Ritz value is of second order in this bound on its residual.
constexpr double kTolerance = 1e-3;
constexpr size_t kMaxSteps = 100;

bool AllDone(const std::vector<Lanczos>& iterations) {
  return std::all_of(iterations.begin(), iterations.end(),
                     [](const Lanczos& iteration) { return iteration.done(); });
}

std::vector<Lanczos> StartIterations(const HessianProduct& product,
                                     const SensitivityOptions& options) {
  std::vector<Lanczos> iterations;
  for (size_t t = 0; t < product.tensors().size(); ++t) {
    iterations.emplace_back(static_cast<size_t>(product.tensors()[t].values.elements()),
                            static_cast<size_t>(options.eigenvalues),
                            std::min(kMaxSteps, static_cast<size_t>(options.probes)), kTolerance,
                            options.seed + t);
  }
  return iterations;
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureHessianEigenvalue(const SensitivityRequest& request,
                                                           const Progress& progress) {
  SensitivityResult result = MakeResult(request);
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  HT_ASSIGN_OR_RETURN(auto product,
                      HessianProduct::Create(request, HessianProduct::Mode::kBlockProducts, 1));
  result.output_metric = product->output_metric();
  std::vector<Lanczos> iterations = StartIterations(*product, request.options);
  double reached = 0;
  while (!AllDone(iterations)) {
    for (size_t t = 0; t < iterations.size(); ++t) {
      const std::vector<double>& vector = iterations[t].vector();
      HT_RETURN_IF_ERROR(
          product->SetVector(0, t, std::vector<float>(vector.begin(), vector.end())));
    }
    // How many steps it takes is not known before: each one goes a tenth of the way that is left.
    const double next = reached + (1 - reached) / 10;
    HT_RETURN_IF_ERROR(product->Run(progress.Part(reached, next)));
    reached = next;
    for (size_t t = 0; t < iterations.size(); ++t) iterations[t].Advance(product->Result(0, t));
  }
  std::vector<ScaledError> scales;
  for (size_t t = 0; t < iterations.size(); ++t) {
    const std::vector<double> eigenvalues = iterations[t].Eigenvalues();
    scales.push_back({eigenvalues.empty() ? 0.0 : eigenvalues[0], 0.0});
    for (const size_t l : product->tensors()[t].layers) result.layers[l].eigenvalues = eigenvalues;
  }
  HT_RETURN_IF_ERROR(
      SetWeightLosses(request, request.calibration.options, product->tensors(), scales, result));
  HT_RETURN_IF_ERROR(progress.Step(1));
  return result;
}

}  // namespace halftone
