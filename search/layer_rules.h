#ifndef HALFTONE_SEARCH_LAYER_RULES_H_
#define HALFTONE_SEARCH_LAYER_RULES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "nn/quant/precision.h"
#include "search/network_summary.h"
#include "search/sensitivity/sensitivity.h"
#include "search/solver/problem.h"

namespace halftone {

// What layers may choose, besides pins and budgets. Where a layer is named, a pattern may stand for
// all that it matches: `*` for any characters, `?` for one. A plain value.
struct LayerRules {
  // layer -> precisions that it may take; of several rules all hold
  std::map<std::string, std::vector<Precision>> allowed;
  std::vector<std::vector<std::string>> groups;  // layers that must take the same precision
  // Of the first and of the last layer: a precision ("w8a8"), or a number: at least so many bits of
  // weights and activations; "": no rule.
  std::string first_layer, last_layer;
  std::optional<int> max_changes;              // of precision, between neighbouring layers
  std::map<std::string, double> loss_factors;  // layer -> factor of its losses

  bool operator==(const LayerRules&) const = default;
};

nlohmann::json LayerRulesToJson(const LayerRules& rules);
// INVALID_ARGUMENT names a field of another type or out of range.
absl::StatusOr<LayerRules> LayerRulesFromJson(const nlohmann::json& json);

// Whether it is a rule of the first or last layer. INVALID_ARGUMENT for what is neither a precision
// nor a number of 1 or more.
absl::Status CheckEndRule(const std::string& rule);

// Whether a layer's name is the pattern, or matches it.
bool MatchesPattern(absl::string_view name, absl::string_view pattern);
// INVALID_ARGUMENT for what matches no layer, with a name that would: "`what` names no layer of the
// network, whose first is '/stem/Conv'".
absl::Status NamesNoLayer(absl::string_view what, absl::string_view first_layer);

// The choices of a problem all of whose layers have the same: "f32, w8a8, w4a8".
std::string ChoicesText(const Problem& problem);

// Puts all rules but the factors into a problem of the network, whose choices are named by
// precision. INVALID_ARGUMENT names a rule that matches no layer, names a precision that is not
// offered, or leaves a layer without a choice.
absl::Status ApplyRules(const LayerRules& rules, const NetworkSummary& network, Problem& problem);

// INVALID_ARGUMENT names a pattern of loss factors that matches none of these layers.
absl::Status CheckLossFactors(const std::map<std::string, double>& factors,
                              const std::vector<std::string>& layers);

// The sensitivities with the losses of layers, and of their interactions, times the factors of all
// patterns that match: an interaction by the root of both layers' factors. INVALID_ARGUMENT names a
// pattern that matches no layer.
absl::StatusOr<SensitivityResult> ScaleLosses(const std::map<std::string, double>& factors,
                                              SensitivityResult sensitivity);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_LAYER_RULES_H_
