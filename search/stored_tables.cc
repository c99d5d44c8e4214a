#include "search/stored_tables.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "search/dominated.h"
#include "search/stage_keys.h"

namespace halftone {
namespace {

absl::StatusOr<std::string> LoadTable(ArtifactStore& store, Stage stage, const StoredName& name,
                                      absl::string_view what) {
  absl::StatusOr<std::string> output = LoadNamed(store, stage, name);
  if (absl::IsNotFound(output.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the ", what, " of that model, data and target are not stored: run the search first"));
  }
  return output;
}

// Losses that lack what no answer of that search needs have a key of their own, unless those of
// another search, which are whole, were there already.
void FindLosses(const SearchSpec& spec, ArtifactStore& store, TableNames& names) {
  if (store.LoadStage(Stage::kSensitivity, names.sensitivity.key).ok()) return;
  const auto summary = LoadNamed(store, Stage::kImport, names.network);
  const auto table = LoadNamed(store, Stage::kProfile, names.costs);
  if (!summary.ok() || !table.ok()) return;
  const auto dominated = FindDominatedOf(spec, *summary, *table, names.offer.offered);
  if (!dominated.ok()) return;
  names.sensitivity.key = DominatedKey(names.sensitivity.key, DominatedText(*dominated));
  names.pairs.key = PairsKey(names.sensitivity.key);
}

}  // namespace

absl::StatusOr<TableNames> FindTableNames(const SearchSpec& spec, ArtifactStore& store) {
  HT_ASSIGN_OR_RETURN(const std::string bytes,
                      LoadTable(store, Stage::kProfile, {OfferKey(spec), ""}, "precisions"));
  HT_ASSIGN_OR_RETURN(Offer offer, OfferFromBytes(bytes));
  std::string execution;
  if (!offer.machine.empty()) {
    HT_ASSIGN_OR_RETURN(execution, LoadTable(store, Stage::kImport, {ExecutionKey(spec, offer), ""},
                                             "statement of what is executed"));
  }
  TableNames names = TableNamesOf(spec, std::move(offer), execution);
  FindLosses(spec, store, names);
  return names;
}

absl::StatusOr<StoredTables> LoadStoredTables(const SearchSpec& spec,
                                              const std::optional<TableNames>& names,
                                              ArtifactStore& store) {
  StoredTables stored;
  if (names.has_value()) {
    stored.names = *names;
  } else {
    HT_ASSIGN_OR_RETURN(stored.names, FindTableNames(spec, store));
  }
  HT_ASSIGN_OR_RETURN(const std::string network,
                      LoadTable(store, Stage::kImport, stored.names.network, "layers"));
  HT_ASSIGN_OR_RETURN(
      const std::string sensitivity,
      LoadTable(store, Stage::kSensitivity, stored.names.sensitivity, "sensitivities"));
  HT_ASSIGN_OR_RETURN(const std::string costs,
                      LoadTable(store, Stage::kProfile, stored.names.costs, "costs"));
  HT_ASSIGN_OR_RETURN(stored.tables, ParseTables(network, sensitivity, costs));
  return stored;
}

}  // namespace halftone
