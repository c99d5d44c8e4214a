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
                                              {Symmetry::kAsymmetric, "asymmetric"}};
constexpr EnumNames<Symmetry> kSymmetryNames("symmetry", kSymmetries);
constexpr EnumName<RangeMethod> kRangeMethods[] = {{RangeMethod::kMinMax, "min-max"},
                                                   {RangeMethod::kPercentile, "percentile"},
                                                   {RangeMethod::kMse, "mse"}};
constexpr EnumNames<RangeMethod> kRangeMethodNames("range method", kRangeMethods);

}  // namespace

absl::StatusOr<SensitivityMethod> ParseSensitivityMethod(absl::string_view text) {
  return kMethodNames.Parse(text);
}

bool HasInteractions(SensitivityMethod method) {
  return method == SensitivityMethod::kFisher || method == SensitivityMethod::kFisherCorrected;
}

absl::string_view SensitivityMethodName(SensitivityMethod method) {
  return kMethodNames.NameOf(method);
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
