#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/enum_names.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

constexpr EnumName<SensitivityMethod> kMethods[] = {
    {SensitivityMethod::kFisher, "fisher"},
    {SensitivityMethod::kFisherCorrected, "fisher-corrected"},
    {SensitivityMethod::kHessianTrace, "hessian-trace"},
    {SensitivityMethod::kHessianTraceExact, "hessian-trace-exact"},
    {SensitivityMethod::kHessianEigenvalue, "hessian-eigenvalue"},
    {SensitivityMethod::kHessianForm, "hessian-form"},
    {SensitivityMethod::kHawqV1, "hawq-v1"},
    {SensitivityMethod::kHawqV2, "hawq-v2"},
    {SensitivityMethod::kHawqV3, "hawq-v3"},
    {SensitivityMethod::kOutput, "output"},
    {SensitivityMethod::kSqnr, "sqnr"},
    {SensitivityMethod::kFisherElementwise, "fisher-elementwise"}};
constexpr EnumNames<SensitivityMethod> kMethodNames("sensitivity method", kMethods);
constexpr EnumName<LossKind> kLosses[] = {{LossKind::kAuto, "auto"},
                                          {LossKind::kCrossEntropy, "cross-entropy"},
                                          {LossKind::kKl, "kl"},
                                          {LossKind::kMse, "mse"}};
constexpr EnumNames<LossKind> kLossNames("loss", kLosses);
constexpr EnumName<TraceKind> kTraceKinds[] = {{TraceKind::kExact, "exact"},
                                               {TraceKind::kGaussNewton, "gauss-newton"},
                                               {TraceKind::kHutchinson, "hutchinson"}};
constexpr EnumNames<TraceKind> kTraceKindNames("kind of trace", kTraceKinds);
constexpr EnumName<InteractionPairs> kPairs[] = {{InteractionPairs::kAll, "all"},
                                                 {InteractionPairs::kNeighbours, "neighbours"}};
constexpr EnumNames<InteractionPairs> kPairNames("pairs", kPairs);

constexpr EnumName<Symmetry> kSymmetries[] = {{Symmetry::kSymmetricRestricted, "symmetric"},
                                              {Symmetry::kSymmetricFull, "symmetric-full"},
                                              {Symmetry::kSymmetricSigned, "symmetric-signed"},
                                              {Symmetry::kAsymmetric, "asymmetric"}};
constexpr EnumNames<Symmetry> kSymmetryNames("symmetry", kSymmetries);
constexpr EnumName<RangeMethod> kRangeMethods[] = {{RangeMethod::kMinMax, "min-max"},
                                                   {RangeMethod::kPercentile, "percentile"},
                                                   {RangeMethod::kMse, "mse"},
                                                   {RangeMethod::kResult, "result"}};
constexpr EnumNames<RangeMethod> kRangeMethodNames("range method", kRangeMethods);

}  // namespace

std::string DivergenceText(absl::string_view output_metric) {
  constexpr std::pair<absl::string_view, const char*> kTexts[] = {
      {"kl", "KL divergence, in nats"},
      {"mse", "mean squared error"},
      {"cross-entropy", "cross-entropy, in nats"},
      {"bernoulli", "KL divergence of labels, in nats"},
      {"relative", "relative squared error"},
      {"cosine", "cosine distance"},
      {"mixed", "divergence of all that count, each by its kind and to its scale"}};
  for (const auto& [metric, text] : kTexts) {
    if (metric == output_metric) return text;
  }
  return std::string(output_metric);
}

absl::StatusOr<SensitivityMethod> ParseSensitivityMethod(absl::string_view text) {
  return kMethodNames.Parse(text);
}

bool HasInteractions(SensitivityMethod method) {
  return method == SensitivityMethod::kFisher || method == SensitivityMethod::kFisherCorrected;
}

bool KnowsWeightsOnly(SensitivityMethod method) {
  switch (method) {
    case SensitivityMethod::kFisher:
    case SensitivityMethod::kFisherCorrected:
    case SensitivityMethod::kFisherElementwise:
    case SensitivityMethod::kOutput:
    case SensitivityMethod::kSqnr:
      return false;
    case SensitivityMethod::kHessianTrace:
    case SensitivityMethod::kHessianTraceExact:
    case SensitivityMethod::kHessianEigenvalue:
    case SensitivityMethod::kHessianForm:
    case SensitivityMethod::kHawqV1:
    case SensitivityMethod::kHawqV2:
    case SensitivityMethod::kHawqV3:
      break;
  }
  return true;
}

absl::string_view SensitivityMethodName(SensitivityMethod method) {
  return kMethodNames.NameOf(method);
}

LossMeasure MeasureOf(SensitivityMethod method, absl::string_view output_metric) {
  constexpr char kError[] = " / |W| x ||Q(W) - W||^2, which ranks choices and is no divergence";
  switch (method) {
    case SensitivityMethod::kHessianTrace:
    case SensitivityMethod::kHessianTraceExact:
    case SensitivityMethod::kHawqV2:
    case SensitivityMethod::kHawqV3:
      return {"score", absl::StrCat("Hessian trace", kError)};
    case SensitivityMethod::kHessianEigenvalue:
    case SensitivityMethod::kHawqV1:
      return {"score", absl::StrCat("top Hessian eigenvalue", kError)};
    case SensitivityMethod::kSqnr:
      return {"score", "power of the output's quantization noise over its signal's, a ratio"};
    case SensitivityMethod::kOutput:
      return {"loss", absl::StrCat("measured increase of the output's ",
                                   DivergenceText(output_metric), ", of that layer alone")};
    case SensitivityMethod::kFisher:
    case SensitivityMethod::kFisherCorrected:
    case SensitivityMethod::kHessianForm:
    case SensitivityMethod::kFisherElementwise:
      break;
  }
  return {"loss",
          absl::StrCat("predicted increase of the output's ", DivergenceText(output_metric))};
}

bool PredictsDivergence(const SensitivityResult& sensitivity) {
  // The loss on labels is none of the network's outputs alone.
  return MeasureOf(sensitivity.method, sensitivity.output_metric).name == "loss" &&
         sensitivity.output_metric != "cross-entropy";
}

std::string NegativeWarning(const SensitivityResult& sensitivity) {
  std::vector<std::string> layers;
  for (const LayerSensitivity& layer : sensitivity.layers) {
    const bool is_negative = std::any_of(layer.choices.begin(), layer.choices.end(),
                                         [](const ChoiceLoss& choice) { return choice.loss < 0; });
    if (is_negative) layers.push_back(layer.name);
  }
  if (layers.empty()) return "";
  constexpr size_t kMostNamed = 3;
  const size_t others = layers.size() - std::min(kMostNamed, layers.size());
  layers.resize(layers.size() - others);
  return absl::StrCat("the method ", SensitivityMethodName(sensitivity.method),
                      " gives negative losses (of '", absl::StrJoin(layers, "', '"), "'",
                      others > 0 ? absl::StrCat(" and ", others, " more") : "",
                      "): they count as 0, for no precision is better than float");
}

std::string FewerSamples(int64_t asked, int64_t samples) {
  if (asked <= samples) return "";
  return absl::StrCat(asked, " samples were asked for, of which the data has ", samples);
}

absl::StatusOr<LossKind> ParseLossKind(absl::string_view text) { return kLossNames.Parse(text); }

absl::string_view LossKindName(LossKind kind) { return kLossNames.NameOf(kind); }

absl::StatusOr<TraceKind> ParseTraceKind(absl::string_view text) {
  return kTraceKindNames.Parse(text);
}

absl::string_view TraceKindName(TraceKind kind) { return kTraceKindNames.NameOf(kind); }

absl::StatusOr<InteractionPairs> ParseInteractionPairs(absl::string_view text) {
  return kPairNames.Parse(text);
}

absl::string_view InteractionPairsName(InteractionPairs pairs) { return kPairNames.NameOf(pairs); }

absl::StatusOr<Symmetry> ParseSymmetry(absl::string_view text) {
  return kSymmetryNames.Parse(text);
}

absl::string_view SymmetryName(Symmetry symmetry) { return kSymmetryNames.NameOf(symmetry); }

absl::StatusOr<RangeMethod> ParseRangeMethod(absl::string_view text) {
  return kRangeMethodNames.Parse(text);
}

absl::string_view RangeMethodName(RangeMethod method) { return kRangeMethodNames.NameOf(method); }

}  // namespace halftone
