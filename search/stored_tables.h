#ifndef HALFTONE_SEARCH_STORED_TABLES_H_
#define HALFTONE_SEARCH_STORED_TABLES_H_

#include <optional>

#include "absl/status/statusor.h"
#include "search/artifact_store.h"
#include "search/search_spec.h"
#include "search/solve_tables.h"
#include "search/table_names.h"

namespace halftone {

struct StoredTables {
  TableNames names;
  Tables tables;

  const Offer& offer() const { return names.offer; }
};

// What a search of this version leaves its tables under, where one was run on what the target
// offered last. FAILED_PRECONDITION where none was.
absl::StatusOr<TableNames> FindTableNames(const SearchSpec& spec, ArtifactStore& store);

// What an earlier search of the same model, data and target left: what `names` names, or, without
// names, what a search of this version leaves. FAILED_PRECONDITION names a table that is not
// stored.
absl::StatusOr<StoredTables> LoadStoredTables(const SearchSpec& spec,
                                              const std::optional<TableNames>& names,
                                              ArtifactStore& store);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STORED_TABLES_H_
