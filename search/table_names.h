#ifndef HALFTONE_SEARCH_TABLE_NAMES_H_
#define HALFTONE_SEARCH_TABLE_NAMES_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "search/artifact_store.h"
#include "search/offer.h"

namespace halftone {

// Under which key a stage stored its output, and what that was; `sha256` is "" where it is not
// known.
struct StoredName {
  std::string key;
  std::string sha256;
};

// What an answer was made from, so that it is found again whatever keys another version would give
// it, whatever a target offers by then, and after it was measured again. A plain value.
struct TableNames {
  Offer offer;
  StoredName network, calibration, sensitivity, pairs, costs;
  StoredName execution;  // of StateExecution; without a key where no networks run
  // Of a design space: the costs that relative budgets refer to, and whose they are. Without a key
  // where there is none, and where an older version did not note it.
  StoredName base_costs;
  std::string base;
};

nlohmann::json TableNamesToJson(const TableNames& names);
absl::StatusOr<TableNames> TableNamesFromJson(const nlohmann::json& json);

// The very output of that name; where its bytes are not kept any more, what is under its key.
// NOT_FOUND when there is neither.
absl::StatusOr<std::string> LoadNamed(ArtifactStore& store, Stage stage, const StoredName& name);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_TABLE_NAMES_H_
