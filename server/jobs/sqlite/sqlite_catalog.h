#ifndef HALFTONE_SERVER_JOBS_SQLITE_SQLITE_CATALOG_H_
#define HALFTONE_SERVER_JOBS_SQLITE_SQLITE_CATALOG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "profilers/cost_profiler.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/catalog.h"
#include "server/jobs/sqlite/state_database.h"

namespace halftone {

// The uploads and stage outputs of a state directory: what is known of them in its database, their
// bytes as blobs.
class SqliteCatalog final : public Catalog {
 public:
  // Borrows all three.
  SqliteCatalog(StateDatabase* database, const BlobStore* blobs, const Clock* clock)
      : database_(database), blobs_(blobs), clock_(clock) {}

  absl::StatusOr<ContentRecord> Add(ContentKind kind, const std::string& sha256,
                                    const std::string& display_name, int64_t size_bytes) override;
  absl::StatusOr<ContentRecord> Find(ContentKind kind, const std::string& sha256) const override;
  absl::StatusOr<ContentPage> List(ContentKind kind, int page_size,
                                   const std::string& page_token) const override;

  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override;
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override;
  // A stored output whose bytes are damaged or gone counts as not stored.
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override;
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override;

 private:
  StateDatabase* database_;
  const BlobStore* blobs_;
  const Clock* clock_;
};

// Measured costs, kept in the state database. Thread-safe.
class SqliteCostCache final : public CostCache {
 public:
  explicit SqliteCostCache(StateDatabase* database) : database_(database) {}
  absl::StatusOr<std::string> Load(const std::string& key) override;
  absl::Status Store(const std::string& key, absl::string_view value) override;

 private:
  StateDatabase* database_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SQLITE_SQLITE_CATALOG_H_
