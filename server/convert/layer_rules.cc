#include "server/convert/layer_rules.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"

namespace halftone {
namespace {

constexpr int kMaxRules = 100'000;
constexpr size_t kMaxNameBytes = 4096;
constexpr double kMaxLossFactor = 1e9;

absl::Status CheckCount(absl::string_view field, int count) {
  if (count <= kMaxRules) return absl::OkStatus();
  return AtField(field, absl::InvalidArgumentError(
                            absl::StrCat(count, " are too many, the limit is ", kMaxRules)));
}

absl::Status CheckLayer(absl::string_view field, const std::string& layer) {
  return AtField(field, CheckLength("layer", layer, kMaxNameBytes));
}

absl::Status ReadAllowed(const v1::LayerRules& rules, LayerRules& out) {
  HT_RETURN_IF_ERROR(CheckCount("allowed", static_cast<int>(rules.allowed().size())));
  for (const auto& [layer, set] : rules.allowed()) {
    HT_RETURN_IF_ERROR(CheckLayer("allowed", layer));
    if (set.precisions().empty()) {
      return AtField(absl::StrCat(FieldEntry("allowed", layer), ".precisions"),
                     absl::InvalidArgumentError("is empty: the layer could take none"));
    }
    HT_ASSIGN_FIELD(out.allowed[layer], absl::StrCat(FieldEntry("allowed", layer), ".precisions"),
                    PrecisionsFromProto(set.precisions()));
  }
  return absl::OkStatus();
}

absl::Status ReadGroups(const v1::LayerRules& rules, LayerRules& out) {
  HT_RETURN_IF_ERROR(CheckCount("groups", rules.groups_size()));
  for (int i = 0; i < rules.groups_size(); ++i) {
    const std::string field = absl::StrCat("groups[", i, "].layers");
    const v1::LayerGroup& group = rules.groups(i);
    HT_RETURN_IF_ERROR(CheckCount(field, group.layers_size()));
    if (group.layers().empty()) {
      return AtField(field, absl::InvalidArgumentError("is empty: there is nothing to tie"));
    }
    std::vector<std::string>& names = out.groups.emplace_back();
    for (const std::string& layer : group.layers()) {
      HT_RETURN_IF_ERROR(CheckLayer(field, layer));
      names.push_back(layer);
    }
  }
  return absl::OkStatus();
}

absl::Status ReadLossFactors(const v1::LayerRules& rules, LayerRules& out) {
  HT_RETURN_IF_ERROR(CheckCount("loss_factors", static_cast<int>(rules.loss_factors().size())));
  for (const auto& [layer, factor] : rules.loss_factors()) {
    HT_RETURN_IF_ERROR(CheckLayer("loss_factors", layer));
    if (!(factor >= 0 && factor <= kMaxLossFactor)) {
      return AtField(FieldEntry("loss_factors", layer),
                     absl::InvalidArgumentError(
                         absl::StrCat(factor, " is not between 0 and ", kMaxLossFactor)));
    }
    out.loss_factors[layer] = factor;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LayerRules> LayerRulesFromProto(const v1::LayerRules& rules) {
  LayerRules out;
  HT_RETURN_IF_ERROR(ReadAllowed(rules, out));
  HT_RETURN_IF_ERROR(ReadGroups(rules, out));
  HT_RETURN_IF_ERROR(AtField("first_layer", CheckLength("rule", rules.first_layer(), 64)));
  HT_RETURN_IF_ERROR(AtField("last_layer", CheckLength("rule", rules.last_layer(), 64)));
  HT_RETURN_IF_ERROR(AtField("first_layer", CheckEndRule(rules.first_layer())));
  HT_RETURN_IF_ERROR(AtField("last_layer", CheckEndRule(rules.last_layer())));
  out.first_layer = rules.first_layer();
  out.last_layer = rules.last_layer();
  if (rules.has_max_changes()) {
    if (rules.max_changes() < 0) {
      return AtField("max_changes",
                     absl::InvalidArgumentError(absl::StrCat(rules.max_changes(), " is negative")));
    }
    out.max_changes = rules.max_changes();
  }
  HT_RETURN_IF_ERROR(ReadLossFactors(rules, out));
  return out;
}

}  // namespace halftone
