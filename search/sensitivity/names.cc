#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

template <typename Enum, size_t kCount>
using Names = std::array<std::pair<Enum, const char*>, kCount>;

constexpr Names<SensitivityMethod, 12> kMethods = {
    {{SensitivityMethod::kFisher, "fisher"},
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
     {SensitivityMethod::kFisherElementwise, "fisher-elementwise"}}};
constexpr Names<LossKind, 4> kLosses = {{{LossKind::kAuto, "auto"},
                                         {LossKind::kCrossEntropy, "cross-entropy"},
                                         {LossKind::kKl, "kl"},
                                         {LossKind::kMse, "mse"}}};
constexpr Names<TraceKind, 3> kTraceKinds = {{{TraceKind::kExact, "exact"},
                                              {TraceKind::kGaussNewton, "gauss-newton"},
                                              {TraceKind::kHutchinson, "hutchinson"}}};
constexpr Names<InteractionPairs, 2> kPairs = {
    {{InteractionPairs::kAll, "all"}, {InteractionPairs::kNeighbours, "neighbours"}}};

template <typename Enum, size_t kCount>
absl::StatusOr<Enum> Parse(const Names<Enum, kCount>& names, absl::string_view text,
                           absl::string_view what) {
  std::vector<std::string> known;
  for (const auto& [value, name] : names) {
    if (text == name) return value;
    known.push_back(name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown ", what, " '", text, "'; there are ", absl::StrJoin(known, ", ")));
}

template <typename Enum, size_t kCount>
absl::string_view NameOf(const Names<Enum, kCount>& names, Enum value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "unknown";
}

}  // namespace

absl::StatusOr<SensitivityMethod> ParseSensitivityMethod(absl::string_view text) {
  return Parse(kMethods, text, "sensitivity method");
}

absl::string_view SensitivityMethodName(SensitivityMethod method) {
  return NameOf(kMethods, method);
}

absl::StatusOr<LossKind> ParseLossKind(absl::string_view text) {
  return Parse(kLosses, text, "loss");
}

absl::string_view LossKindName(LossKind kind) { return NameOf(kLosses, kind); }

absl::StatusOr<TraceKind> ParseTraceKind(absl::string_view text) {
  return Parse(kTraceKinds, text, "kind of trace");
}

absl::string_view TraceKindName(TraceKind kind) { return NameOf(kTraceKinds, kind); }

absl::StatusOr<InteractionPairs> ParseInteractionPairs(absl::string_view text) {
  return Parse(kPairs, text, "pairs");
}

absl::string_view InteractionPairsName(InteractionPairs pairs) { return NameOf(kPairs, pairs); }

}  // namespace halftone
