#ifndef HALFTONE_SERVER_JOBS_SQLITE_SQLITE_CATALOG_H_
#define HALFTONE_SERVER_JOBS_SQLITE_SQLITE_CATALOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/catalog.h"
#include "server/jobs/cost_store.h"
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
  absl::StatusOr<bool> RemoveUnused(ContentKind kind, const std::string& sha256,
                                    absl::Time since) override;

  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override;
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override;
  // A stored output whose bytes are damaged or gone counts as not stored.
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override;
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override;
  absl::StatusOr<std::string> LoadDerived(Stage stage, const std::string& key,
                                          const Sources& sources) override;
  absl::Status StoreDerived(Stage stage, const std::string& key, absl::string_view bytes,
                            const Sources& sources) override;
  absl::StatusOr<std::vector<StageRecord>> Stages() const override;
  absl::StatusOr<bool> RemoveUnusedStage(Stage stage, const std::string& key,
                                         absl::Time since) override;

 private:
  // A use is not noted again so soon: most calls write nothing.
  static constexpr absl::Duration kNoteUses = absl::Minutes(10);

  absl::StatusOr<StageRecord> FindStage(Stage stage, const std::string& key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Notes a use now, and what the output depends on.
  absl::Status NoteUse(const StageRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  absl::Status CheckSources(const std::optional<Sources>& sources)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);
  // Without sources: what is known of them stays.
  absl::StatusOr<std::string> Load(Stage stage, const std::string& key,
                                   const std::optional<Sources>& sources);
  absl::Status Save(Stage stage, const std::string& key, absl::string_view bytes,
                    const std::optional<Sources>& sources);

  StateDatabase* database_;
  const BlobStore* blobs_;
  const Clock* clock_;
};

// Measured costs, kept in the state database. Thread-safe.
class SqliteCostCache final : public CostStore {
 public:
  // Borrows both.
  SqliteCostCache(StateDatabase* database, const Clock* clock)
      : database_(database), clock_(clock) {}
  absl::StatusOr<std::string> Load(const std::string& key) override;
  absl::Status Store(const std::string& key, absl::string_view value) override;
  absl::StatusOr<Pruned> Prune(absl::Time since, absl::Time oldest, int64_t bytes) override;

 private:
  absl::StatusOr<Pruned> WritePruning(absl::Time since, absl::Time oldest, int64_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mutex);

  StateDatabase* database_;
  const Clock* clock_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SQLITE_SQLITE_CATALOG_H_
