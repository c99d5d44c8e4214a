#ifndef HALFTONE_SEARCH_STORED_TABLES_H_
#define HALFTONE_SEARCH_STORED_TABLES_H_

#include "absl/status/statusor.h"
#include "search/artifact_store.h"
#include "search/search_spec.h"
#include "search/solve_tables.h"
#include "search/stage_outputs.h"

namespace halftone {

struct StoredTables {
  Offer offer;
  Tables tables;
};

// What an earlier search of the same model, data and target left. FAILED_PRECONDITION names a table
// that is not stored.
absl::StatusOr<StoredTables> LoadStoredTables(const SearchSpec& spec, ArtifactStore& store);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STORED_TABLES_H_
