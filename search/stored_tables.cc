#include "search/stored_tables.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "search/stage_keys.h"

namespace halftone {
namespace {

absl::StatusOr<std::string> LoadTable(ArtifactStore& store, Stage stage, const std::string& key,
                                      absl::string_view what) {
  absl::StatusOr<std::string> output = store.LoadStage(stage, key);
  if (absl::IsNotFound(output.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the ", what, " of that model, data and target are not stored: run the search first"));
  }
  return output;
}

}  // namespace

absl::StatusOr<StoredTables> LoadStoredTables(const SearchSpec& spec, ArtifactStore& store) {
  HT_ASSIGN_OR_RETURN(const std::string network,
                      LoadTable(store, Stage::kImport, ImportKey(spec), "layers"));
  HT_ASSIGN_OR_RETURN(const std::string offer,
                      LoadTable(store, Stage::kProfile, OfferKey(spec), "precisions"));
  StoredTables stored;
  HT_ASSIGN_OR_RETURN(stored.offer, OfferFromBytes(offer));
  HT_ASSIGN_OR_RETURN(const std::string sensitivity,
                      LoadTable(store, Stage::kSensitivity,
                                SensitivityKey(spec, stored.offer.offered), "sensitivities"));
  HT_ASSIGN_OR_RETURN(
      const std::string costs,
      LoadTable(store, Stage::kProfile, ProfileKey(spec, stored.offer.profiled), "costs"));
  HT_ASSIGN_OR_RETURN(stored.tables, ParseTables(network, sensitivity, costs));
  return stored;
}

}  // namespace halftone
