#include "search/table_names.h"

#include <tuple>

#include "base/json_fields.h"
#include "base/json_members.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr auto kNameMembers =
    std::tuple(JsonMember("key", &StoredName::key), JsonMember("sha256", &StoredName::sha256));

void ReadName(JsonFields& fields, const char* field, StoredName* name) {
  fields.ReadObject(field, [&](const json& object) {
    JsonFields of_name(object, field);
    of_name.Require("key");
    ReadMembers(kNameMembers, of_name, name);
    return of_name.status();
  });
}

}  // namespace

json TableNamesToJson(const TableNames& names) {
  json object = {{"offer", OfferToJson(names.offer)},
                 {"network", MembersToJson(kNameMembers, names.network)},
                 {"calibration", MembersToJson(kNameMembers, names.calibration)},
                 {"sensitivity", MembersToJson(kNameMembers, names.sensitivity)},
                 {"pairs", MembersToJson(kNameMembers, names.pairs)},
                 {"costs", MembersToJson(kNameMembers, names.costs)}};
  if (!names.execution.key.empty()) {
    object["execution"] = MembersToJson(kNameMembers, names.execution);
  }
  if (!names.base_costs.key.empty()) {
    object["base_costs"] = MembersToJson(kNameMembers, names.base_costs);
    object["base"] = names.base;
  }
  return object;
}

absl::StatusOr<TableNames> TableNamesFromJson(const json& object) {
  TableNames names;
  JsonFields fields(object, "tables");
  for (const char* const field :
       {"offer", "network", "calibration", "sensitivity", "pairs", "costs"}) {
    fields.Require(field);
  }
  fields.ReadObject("offer", OfferFromJson, &names.offer);
  ReadName(fields, "network", &names.network);
  ReadName(fields, "calibration", &names.calibration);
  ReadName(fields, "sensitivity", &names.sensitivity);
  ReadName(fields, "pairs", &names.pairs);
  ReadName(fields, "costs", &names.costs);
  ReadName(fields, "execution", &names.execution);
  ReadName(fields, "base_costs", &names.base_costs);
  fields.Read("base", &names.base);
  HT_RETURN_IF_ERROR(fields.status());
  return names;
}

absl::StatusOr<std::string> LoadNamed(ArtifactStore& store, Stage stage, const StoredName& name) {
  if (!name.sha256.empty()) {
    absl::StatusOr<std::string> bytes = store.LoadBlob(name.sha256);
    const bool is_gone = absl::IsNotFound(bytes.status()) || absl::IsDataLoss(bytes.status());
    if (!is_gone) return bytes;
  }
  return store.LoadStage(stage, name.key);
}

}  // namespace halftone
