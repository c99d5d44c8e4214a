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
constexpr int64_t kMaxSteps = 100;
// The orthonormal vectors of all iterations together: 1 GiB.
constexpr int64_t kMaxBasisElements = int64_t{1} << 27;

int64_t TotalElements(const std::vector<WeightTensor>& tensors) {
  int64_t elements = 0;
  for (const WeightTensor& tensor : tensors) elements += tensor.values.elements();
  return elements;
}

// How many products an iteration in all of the tensors may take.
size_t MaxSteps(const std::vector<WeightTensor>& tensors, const SensitivityOptions& options) {
  const int64_t fitting = kMaxBasisElements / std::max<int64_t>(1, TotalElements(tensors));
  return static_cast<size_t>(
      std::max<int64_t>(2, std::min({kMaxSteps, int64_t{options.probes}, fitting})));
}

// How many steps it takes is not known before: each one goes a tenth of the way that is left.
class StepProgress {
 public:
  explicit StepProgress(const Progress& progress) : progress_(progress) {}
  Progress Next() {
    const double begin = reached_;
    reached_ += (1 - reached_) / 10;
    return progress_.Part(begin, reached_);
  }

 private:
  const Progress& progress_;
  double reached_ = 0;
};

bool AllDone(const std::vector<Lanczos>& iterations) {
  return std::all_of(iterations.begin(), iterations.end(),
                     [](const Lanczos& iteration) { return iteration.done(); });
}

// One iteration per tensor, all in the same runs.
absl::StatusOr<std::vector<Lanczos>> IterateBlocks(const SensitivityOptions& options,
                                                   HessianProduct& product,
                                                   const Progress& progress) {
  std::vector<Lanczos> iterations;
  for (size_t t = 0; t < product.tensors().size(); ++t) {
    iterations.emplace_back(static_cast<size_t>(product.tensors()[t].values.elements()),
                            static_cast<size_t>(options.eigenvalues),
                            MaxSteps(product.tensors(), options), kTolerance, options.seed + t);
  }
  StepProgress steps(progress);
  while (!AllDone(iterations)) {
    for (size_t t = 0; t < iterations.size(); ++t) {
      const std::vector<double>& vector = iterations[t].vector();
      HT_RETURN_IF_ERROR(product.SetVector(0, t, std::vector<float>(vector.begin(), vector.end())));
    }
    HT_RETURN_IF_ERROR(product.Run(steps.Next()));
    for (size_t t = 0; t < iterations.size(); ++t) iterations[t].Advance(product.Result(0, t));
  }
  return iterations;
}

// The eigenvalues of the Hessian in all tensors together.
absl::StatusOr<std::vector<double>> NetworkEigenvalues(const SensitivityRequest& request,
                                                       const Progress& progress) {
  HT_ASSIGN_OR_RETURN(auto product,
                      HessianProduct::Create(request, HessianProduct::Mode::kProducts, 1));
  const std::vector<WeightTensor>& tensors = product->tensors();
  Lanczos iteration(static_cast<size_t>(TotalElements(tensors)),
                    static_cast<size_t>(request.options.network_eigenvalues),
                    MaxSteps(tensors, request.options), kTolerance, request.options.seed);
  StepProgress steps(progress);
  while (!iteration.done()) {
    auto next = iteration.vector().begin();
    for (size_t t = 0; t < tensors.size(); ++t) {
      const auto end = next + static_cast<std::ptrdiff_t>(tensors[t].values.elements());
      HT_RETURN_IF_ERROR(product->SetVector(0, t, std::vector<float>(next, end)));
      next = end;
    }
    HT_RETURN_IF_ERROR(product->Run(steps.Next()));
    std::vector<double> joint;
    for (size_t t = 0; t < tensors.size(); ++t) {
      const std::vector<double>& part = product->Result(0, t);
      joint.insert(joint.end(), part.begin(), part.end());
    }
    iteration.Advance(joint);
  }
  return iteration.Eigenvalues();
}

}  // namespace

absl::StatusOr<SensitivityResult> MeasureHessianEigenvalue(const SensitivityRequest& request,
                                                           const Progress& progress) {
  SensitivityResult result = MakeResult(request);
  const bool whole_network = request.options.network_eigenvalues > 0;
  HT_RETURN_IF_ERROR(progress.Step(0, "building the derivative program"));
  HT_ASSIGN_OR_RETURN(auto product,
                      HessianProduct::Create(request, HessianProduct::Mode::kBlockProducts, 1));
  result.output_metric = product->output_metric();
  HT_ASSIGN_OR_RETURN(
      const std::vector<Lanczos> iterations,
      IterateBlocks(request.options, *product, progress.Part(0, whole_network ? 0.8 : 1)));
  std::vector<ScaledError> scales;
  for (size_t t = 0; t < iterations.size(); ++t) {
    const std::vector<double> eigenvalues = iterations[t].Eigenvalues();
    scales.push_back({eigenvalues.empty() ? 0.0 : eigenvalues[0], 0.0});
    for (const size_t l : product->tensors()[t].layers) result.layers[l].eigenvalues = eigenvalues;
  }
  HT_RETURN_IF_ERROR(SetWeightLosses(request, request.calibration.options, product->tensors(),
                                     scales, progress.cancellation, result));
  if (whole_network) {
    product.reset();  // its memory
    HT_ASSIGN_OR_RETURN(result.network_eigenvalues,
                        NetworkEigenvalues(request, progress.Part(0.8, 1)));
  }
  HT_RETURN_IF_ERROR(progress.Step(1));
  return result;
}

}  // namespace halftone
