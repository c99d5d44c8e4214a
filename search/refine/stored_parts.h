#ifndef HALFTONE_SEARCH_REFINE_STORED_PARTS_H_
#define HALFTONE_SEARCH_REFINE_STORED_PARTS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "nlohmann/json.hpp"
#include "search/artifact_store.h"

namespace halftone {

// A list of documents that grows while a stage runs and outlives its interruption: kept in the
// store part after part, under keys of its own. Not thread-safe.
class StoredParts {
 public:
  // Borrows the store.
  StoredParts(ArtifactStore& store, Stage stage, std::string key);

  // The document after those taken so far, if it is stored. INTERNAL where the stored bytes are no
  // list.
  absl::StatusOr<std::optional<nlohmann::json>> Take();
  // To be called when nothing is left to be taken. Writes about every second.
  absl::Status Add(nlohmann::json document);
  // Writes what was added since.
  absl::Status Flush();

 private:
  std::string PartKey() const;
  absl::Status LoadPart();

  ArtifactStore& store_;
  const Stage stage_;
  const std::string key_;
  int parts_ = 0;  // loaded or stored
  std::vector<nlohmann::json> loaded_, pending_;
  size_t next_ = 0;
  SteadyTime since_;  // the first that is pending
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_STORED_PARTS_H_
