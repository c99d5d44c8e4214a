#ifndef HALFTONE_CLIENT_RULE_FLAGS_H_
#define HALFTONE_CLIENT_RULE_FLAGS_H_

#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/shown_text.h"
#include "google/protobuf/map.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "halftone/v1/types.pb.h"

namespace halftone {

// Budgets, and what layers may choose, as `search`, `submit` and `resolve` take them.
struct RuleFlags {
  std::vector<std::string> budgets, pins, allowed, groups, loss_factors;
  std::string first, last;
  int max_changes = -1;
};

void AddRuleFlags(CLI::App* sub, RuleFlags* flags);

// "A=B" in two; INVALID_ARGUMENT says of what. What is wrong with either part, the server says.
absl::StatusOr<std::pair<std::string, std::string>> SplitPair(absl::string_view what,
                                                              const std::string& text);

// A flag that may be repeated says one thing of each name: INVALID_ARGUMENT for the second.
template <typename Value>
absl::Status AddOnce(absl::string_view what, const std::string& name, Value value,
                     google::protobuf::Map<std::string, Value>* map) {
  if (map->contains(name)) {
    return absl::InvalidArgumentError(absl::StrCat(what, " of ", Quoted(name), " is given twice"));
  }
  (*map)[name] = std::move(value);
  return absl::OkStatus();
}

// "NAME=NUMBER" each.
absl::Status FillNumbers(absl::string_view what, const std::vector<std::string>& texts,
                         google::protobuf::Map<std::string, double>* numbers);

absl::Status FillBudgets(const RuleFlags& flags,
                         google::protobuf::RepeatedPtrField<v1::Budget>* budgets);
absl::Status FillPins(const RuleFlags& flags,
                      google::protobuf::Map<std::string, std::string>* pins);
absl::Status FillRules(const RuleFlags& flags, v1::LayerRules* rules);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_RULE_FLAGS_H_
