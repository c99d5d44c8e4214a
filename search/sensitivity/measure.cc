#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/field_path.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "search/sensitivity/alike_choices.h"
#include "search/sensitivity/cotangents.h"
#include "search/sensitivity/derivative_ends.h"
#include "search/sensitivity/divergence.h"
#include "search/sensitivity/known_losses.h"
#include "search/sensitivity/memory_estimate.h"
#include "search/sensitivity/methods.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

absl::Status CheckOptions(const SensitivityOptions& options) {
  if (options.batch < 1 || options.draws < 1 || options.probes < 1 || options.eigenvalues < 1) {
    return absl::InvalidArgumentError("batch, draws, probes and eigenvalues must be at least 1");
  }
  if (options.draws > OutputCotangents::kMaxDraws) {
    return absl::InvalidArgumentError(
        absl::StrCat("draws is ", options.draws, ", more than ", OutputCotangents::kMaxDraws));
  }
  if (options.network_eigenvalues < 0) {
    return absl::InvalidArgumentError("network_eigenvalues is negative");
  }
  if (options.resamples < 0 || options.joint_assignments < 0) {
    return absl::InvalidArgumentError("resamples and joint_assignments must not be negative");
  }
  if (options.samples < 0) {
    return absl::InvalidArgumentError(absl::StrCat("samples is negative: ", options.samples));
  }
  if (!std::isfinite(options.tolerance) || options.tolerance < 0) {
    return absl::InvalidArgumentError("tolerance must be a number that is not negative");
  }
  return absl::OkStatus();
}

// Names and numbers that every result has, whatever the method.
SensitivityResult Frame(const PreparedNetwork& network, const Dataset& data,
                        const SensitivityOptions& options) {
  SensitivityResult result;
  result.method = options.method;
  result.samples = data.samples();
  result.seed = options.seed;
  for (const Layer& layer : network.layers.layers) {
    LayerSensitivity& row = result.layers.emplace_back();
    row.name = layer.name;
    row.weights = layer.weights;
  }
  return result;
}

absl::Status CheckTakesNoLabels(const SensitivityOptions& options) {
  if (options.loss != LossKind::kCrossEntropy) return absl::OkStatus();
  return AtField("sensitivity.loss",
                 absl::InvalidArgumentError(
                     absl::StrCat("the method ", SensitivityMethodName(options.method),
                                  " takes no labels: its loss is kl or mse, not cross-entropy")));
}

bool TakesDerivatives(SensitivityMethod method) {
  return method != SensitivityMethod::kOutput && method != SensitivityMethod::kSqnr;
}

// Nothing ends where the method takes no derivatives.
absl::StatusOr<DerivativeEnds> EndsOf(const PreparedNetwork& network,
                                      const SensitivityOptions& options) {
  if (!TakesDerivatives(options.method)) {
    return DerivativeEnds::None(network.layers.layers.size());
  }
  HT_ASSIGN_OR_RETURN(const Graph graph, network.Bind(network.BatchFor(1, 1)));
  const LossKind loss = KnowsWeightsOnly(options.method) ? LossKind::kAuto : options.loss;
  HT_ASSIGN_OR_RETURN(const std::vector<Head> heads, ResolveHeads(network, graph, loss));
  return FindDerivativeEnds(network, heads);
}

void WarnOfEnds(const DerivativeEnds& ends, SensitivityResult& result) {
  if (ends.nodes.empty()) return;
  result.warnings.push_back(absl::StrCat(
      "derivatives end at ", absl::StrJoin(ends.nodes, ", "), ": of what layers change through ",
      ends.nodes.size() == 1 ? "it" : "them",
      ", losses by derivatives know nothing; layers without another way to the outputs are noted"));
}

absl::StatusOr<SensitivityResult> DispatchChoices(const ChoiceRequest& request,
                                                  const DerivativeEnds& ends,
                                                  const Progress& progress) {
  switch (request.options.method) {
    case SensitivityMethod::kFisher:
    case SensitivityMethod::kFisherElementwise:
      return MeasureFisher(request, ends, progress);
    case SensitivityMethod::kFisherCorrected:
      return MeasureFisherCorrected(request, ends, progress);
    case SensitivityMethod::kOutput:
      return MeasureOutputError(request, progress);
    case SensitivityMethod::kSqnr:
      return MeasureSqnr(request, progress);
    default:
      return absl::InvalidArgumentError(absl::StrCat("the method ",
                                                     SensitivityMethodName(request.options.method),
                                                     " knows quantized weights only"));
  }
}

absl::Status CheckFinite(const SensitivityResult& result) {
  for (const LayerSensitivity& layer : result.layers) {
    bool is_finite = std::isfinite(layer.trace.value_or(0));
    for (const double eigenvalue : layer.eigenvalues) is_finite &= std::isfinite(eigenvalue);
    for (const ChoiceLoss& choice : layer.choices) {
      is_finite &= std::isfinite(choice.loss) && std::isfinite(choice.loss_stderr.value_or(0));
    }
    if (!is_finite) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer '", layer.name, "': its sensitivity is not finite"));
    }
  }
  return absl::OkStatus();
}

void SetPrecisions(const std::vector<Precision>& precisions, SensitivityResult& result) {
  for (LayerSensitivity& layer : result.layers) {
    for (size_t o = 0; o < layer.choices.size(); ++o) layer.choices[o].precision = precisions[o];
  }
}

// Those of the distinct choices that are dominated in whatever precision they are asked for.
std::vector<std::map<size_t, size_t>> DominatedPlaces(const SensitivityRequest& request,
                                                      const DistinctChoices& distinct) {
  std::vector<std::map<size_t, size_t>> dominated(distinct.places.size());
  const std::vector<Precision>& precisions = request.precisions;
  for (size_t l = 0; l < dominated.size(); ++l) {
    const auto of_layer = request.dominated.find(request.network.layers.layers[l].name);
    if (of_layer == request.dominated.end()) continue;
    const std::vector<size_t>& places = distinct.places[l];
    std::set<size_t> needed;
    for (size_t o = 0; o < precisions.size(); ++o) {
      const auto found = of_layer->second.find(precisions[o]);
      const auto by = found == of_layer->second.end()
                          ? precisions.end()
                          : std::find(precisions.begin(), precisions.end(), found->second);
      if (by == precisions.end()) {
        needed.insert(places[o]);
      } else {
        dominated[l][places[o]] = places[static_cast<size_t>(by - precisions.begin())];
      }
    }
    std::erase_if(dominated[l], [&](const auto& entry) { return needed.contains(entry.first); });
  }
  return dominated;
}

// Says so in the result, of those that were not measured for another one's sake either.
void NoteDominated(const DominatedChoices& dominated, SensitivityResult& result) {
  for (LayerSensitivity& layer : result.layers) {
    const auto of_layer = dominated.find(layer.name);
    if (of_layer == dominated.end()) continue;
    for (ChoiceLoss& choice : layer.choices) {
      const auto found = of_layer->second.find(choice.precision);
      if (found != of_layer->second.end() && !choice.measured) choice.dominated_by = found->second;
    }
  }
}

absl::StatusOr<SensitivityResult> MeasureQuantized(const SensitivityRequest& request,
                                                   const DerivativeEnds& ends,
                                                   const Progress& progress) {
  HT_RETURN_IF_ERROR(CheckTakesNoLabels(request.options));
  HT_ASSIGN_OR_RETURN(
      const LayerChoices choices,
      QuantizedChoices(request.network, request.calibration, request.precisions, request.executed));
  const DistinctChoices distinct = FindDistinct(request.network.layers.layers, choices);
  FirstLosses first_losses;
  if (request.first_losses) {
    first_losses = [&](const SensitivityResult& measured) -> absl::Status {
      SensitivityResult result = OfAllChoices(distinct, choices, measured);
      SetPrecisions(request.precisions, result);
      HT_RETURN_IF_ERROR(CheckFinite(result));
      return request.first_losses(result);
    };
  }
  HT_ASSIGN_OR_RETURN(
      SensitivityResult measured,
      DispatchChoices({request.network, request.data, distinct.choices, request.options,
                       request.kept_bytes, first_losses, DominatedPlaces(request, distinct)},
                      ends, progress));
  SensitivityResult result = OfAllChoices(distinct, choices, std::move(measured));
  SetPrecisions(request.precisions, result);
  if (result.method == SensitivityMethod::kFisherCorrected) {
    NoteDominated(request.dominated, result);
  }
  return result;
}

absl::StatusOr<SensitivityResult> Dispatch(const SensitivityRequest& request,
                                           const DerivativeEnds& ends, const Progress& progress) {
  switch (request.options.method) {
    case SensitivityMethod::kHessianTrace:
      return MeasureHessianTrace(request, progress);
    case SensitivityMethod::kHessianTraceExact:
      return MeasureHessianTraceExact(request, progress);
    case SensitivityMethod::kHessianEigenvalue:
    case SensitivityMethod::kHawqV1:
      return MeasureHessianEigenvalue(request, progress);
    case SensitivityMethod::kHessianForm:
      return MeasureHessianForm(request, progress);
    case SensitivityMethod::kHawqV2:
      return MeasureHawqV2(request, progress);
    case SensitivityMethod::kHawqV3:
      return MeasureHawqV3(request, progress);
    default:
      return MeasureQuantized(request, ends, progress);
  }
}

}  // namespace

SensitivityResult MakeResult(const SensitivityRequest& request) {
  SensitivityResult result = Frame(request.network, request.data, request.options);
  for (LayerSensitivity& row : result.layers) {
    for (const Precision& precision : request.precisions) {
      row.choices.push_back({.precision = precision, .name = precision.ToString()});
    }
    if (row.weights.empty()) {
      row.note = "a product of two activations has no weights, of which alone this method speaks";
    }
  }
  return result;
}

SensitivityResult MakeResult(const ChoiceRequest& request) {
  SensitivityResult result = Frame(request.network, request.data, request.options);
  for (size_t l = 0; l < result.layers.size(); ++l) {
    for (const ChoicePtr& choice : request.choices[l]) {
      result.layers[l].choices.push_back({.name = choice->name()});
    }
  }
  return result;
}

absl::StatusOr<SensitivityResult> MeasureSensitivity(
    const PreparedNetwork& network, const Dataset& data, const Calibration& calibration,
    const std::vector<Precision>& precisions, const SensitivityOptions& options,
    const Progress& progress, const ExecutedLayers& executed, const FirstLosses& first_losses,
    const DominatedChoices& dominated) {
  HT_RETURN_IF_ERROR(CheckOptions(options));
  const Dataset samples = options.samples == 0 ? data : data.Take(options.samples);
  HT_RETURN_IF_ERROR(CheckSensitivityMemory(network, samples, precisions, options));
  HT_ASSIGN_OR_RETURN(const DerivativeEnds ends, EndsOf(network, options));
  HT_ASSIGN_OR_RETURN(
      const MemoryEstimate estimate,
      EstimateSensitivity(network, samples, samples.samples(), precisions, options));
  const double room = std::max(0.0, MemoryBudget::LimitBytes() - estimate.Total());
  HT_ASSIGN_OR_RETURN(SensitivityResult result,
                      Dispatch({network, samples, calibration, precisions, options, executed, room,
                                first_losses, dominated},
                               ends, progress));
  HT_RETURN_IF_ERROR(CheckFinite(result));
  ForgetWhatIsNotKnown(result);
  if (KnowsWeightsOnly(options.method)) ForgetEndedLayers(ends, result);
  WarnOfEnds(ends, result);
  return result;
}

absl::StatusOr<SensitivityResult> MeasureChoices(const PreparedNetwork& network,
                                                 const Dataset& data, const LayerChoices& choices,
                                                 const SensitivityOptions& options,
                                                 const Progress& progress) {
  HT_RETURN_IF_ERROR(CheckOptions(options));
  HT_RETURN_IF_ERROR(CheckTakesNoLabels(options));
  if (choices.size() != network.layers.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "choices for ", choices.size(), " layers of a network of ", network.layers.layers.size()));
  }
  const Dataset samples = options.samples == 0 ? data : data.Take(options.samples);
  HT_ASSIGN_OR_RETURN(const DerivativeEnds ends, EndsOf(network, options));
  HT_ASSIGN_OR_RETURN(SensitivityResult result,
                      DispatchChoices({network, samples, choices, options}, ends, progress));
  WarnOfEnds(ends, result);
  HT_RETURN_IF_ERROR(CheckFinite(result));
  ForgetWhatIsNotKnown(result);
  return result;
}

}  // namespace halftone
