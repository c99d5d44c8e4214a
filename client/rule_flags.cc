#include "client/rule_flags.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/command.h"

namespace halftone {
void AddRuleFlags(CLI::App* sub, RuleFlags* flags) {
  sub->add_option("--budget", flags->budgets,
                  "METRIC=LIMIT, e.g. latency=0.4x, size=300KB, energy=50%, bops=60%, "
                  "activation-memory=50%; may be repeated")
      ->take_all();
  sub->add_option("--pin", flags->pins,
                  "LAYER=PRECISION that it must have; LAYER may be a pattern with * and ?; may be "
                  "repeated")
      ->take_all();
  sub->add_option("--allow", flags->allowed,
                  "LAYER=P,P: the precisions that it may have; a pattern likewise; may be repeated")
      ->take_all();
  sub->add_option("--group", flags->groups,
                  "LAYER,LAYER that must have one precision; patterns likewise; may be repeated")
      ->take_all();
  sub->add_option("--first", flags->first,
                  "of the first layer: its precision, or a number: at least so many bits");
  sub->add_option("--last", flags->last, "of the last layer, likewise");
  sub->add_option("--max-changes", flags->max_changes,
                  "at most so many changes of precision between neighbouring layers")
      ->check(NonNegativeNumber());
  sub->add_option("--loss-factor", flags->loss_factors,
                  "LAYER=FACTOR of its losses; a pattern likewise; may be repeated")
      ->take_all();
}

absl::StatusOr<std::pair<std::string, std::string>> SplitPair(absl::string_view what,
                                                              const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(what, " '", text, "' is not of the form A=B"));
  }
  return std::make_pair(text.substr(0, equals), text.substr(equals + 1));
}

absl::Status FillNumbers(absl::string_view what, const std::vector<std::string>& texts,
                         google::protobuf::Map<std::string, double>* numbers) {
  for (const std::string& text : texts) {
    HT_ASSIGN_OR_RETURN(const auto pair, SplitPair(what, text));
    double value = 0;
    if (!absl::SimpleAtod(pair.second, &value)) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, " '", text, "': '", pair.second, "' is not a number"));
    }
    HT_RETURN_IF_ERROR(AddOnce(what, pair.first, value, numbers));
  }
  return absl::OkStatus();
}

absl::Status FillBudgets(const RuleFlags& flags,
                         google::protobuf::RepeatedPtrField<v1::Budget>* budgets) {
  for (const std::string& text : flags.budgets) {
    HT_ASSIGN_OR_RETURN(const auto budget, SplitPair("budget", text));
    v1::Budget* out = budgets->Add();
    out->set_metric(budget.first);
    out->set_limit(budget.second);
  }
  return absl::OkStatus();
}

absl::Status FillPins(const RuleFlags& flags,
                      google::protobuf::Map<std::string, std::string>* pins) {
  for (const std::string& text : flags.pins) {
    HT_ASSIGN_OR_RETURN(const auto pin, SplitPair("pin", text));
    HT_RETURN_IF_ERROR(AddOnce("pin", pin.first, pin.second, pins));
  }
  return absl::OkStatus();
}

absl::Status FillRules(const RuleFlags& flags, v1::LayerRules* rules) {
  for (const std::string& text : flags.allowed) {
    HT_ASSIGN_OR_RETURN(const auto allowed, SplitPair("allowed set", text));
    v1::PrecisionSet set;
    for (const std::string& precision : SplitList(allowed.second)) set.add_precisions(precision);
    HT_RETURN_IF_ERROR(AddOnce("allowed set", allowed.first, set, rules->mutable_allowed()));
  }
  for (const std::string& text : flags.groups) {
    v1::LayerGroup* group = rules->add_groups();
    for (const std::string& layer : SplitList(text)) group->add_layers(layer);
  }
  rules->set_first_layer(flags.first);
  rules->set_last_layer(flags.last);
  if (flags.max_changes >= 0) rules->set_max_changes(flags.max_changes);
  return FillNumbers("loss factor", flags.loss_factors, rules->mutable_loss_factors());
}

}  // namespace halftone
