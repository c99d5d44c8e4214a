#include "search/solver/problem_fields.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

using Names = std::initializer_list<absl::string_view>;
using Check = std::function<absl::Status(const json& value, const std::string& path)>;

absl::Status CheckNames(const json& object, const std::string& path, Names known) {
  if (!object.is_object()) return absl::OkStatus();
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": field ", Quoted(name), " is not known; there are ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

// Each element of an array in a field, where there is one.
absl::Status CheckEach(const json& object, const char* name, const std::string& prefix,
                       const Check& check) {
  if (!object.is_object()) return absl::OkStatus();
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return absl::OkStatus();
  for (size_t i = 0; i < found->size(); ++i) {
    HT_RETURN_IF_ERROR(check((*found)[i], absl::StrCat(prefix, name, "[", i, "]")));
  }
  return absl::OkStatus();
}

absl::Status CheckChoice(const json& choice, const std::string& path) {
  return CheckNames(choice, path, {"name", "loss", "cost", "loss_stderr"});
}

absl::Status CheckLayer(const json& layer, const std::string& path) {
  HT_RETURN_IF_ERROR(CheckNames(layer, path, {"name", "choices"}));
  return CheckEach(layer, "choices", absl::StrCat(path, "."), CheckChoice);
}

absl::Status CheckEdgeCost(const json& cost, const std::string& path) {
  return CheckNames(cost, path, {"from", "to", "cost"});
}

absl::Status CheckEdge(const json& edge, const std::string& path) {
  HT_RETURN_IF_ERROR(CheckNames(edge, path, {"from", "to", "cost"}));
  return CheckEach(edge, "cost", absl::StrCat(path, "."), CheckEdgeCost);
}

absl::Status CheckInteraction(const json& interaction, const std::string& path) {
  return CheckNames(interaction, path, {"a", "b", "loss"});
}

}  // namespace

absl::Status CheckProblemFields(const json& document) {
  HT_RETURN_IF_ERROR(
      CheckNames(document, "problem",
                 {"layers", "ties", "budgets", "objective_weights", "edges", "interactions",
                  "interaction_rows", "pins", "allowed", "max_changes", "neighbours", "frontier"}));
  HT_RETURN_IF_ERROR(CheckEach(document, "layers", "", CheckLayer));
  HT_RETURN_IF_ERROR(CheckEach(document, "edges", "", CheckEdge));
  HT_RETURN_IF_ERROR(CheckEach(document, "interactions", "", CheckInteraction));
  const auto rows = document.is_object() ? document.find("interaction_rows") : document.end();
  if (rows == document.end()) return absl::OkStatus();
  return CheckNames(*rows, "interaction_rows", {"choices", "rows", "weight"});
}

}  // namespace halftone
