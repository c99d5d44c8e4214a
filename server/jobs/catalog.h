#ifndef HALFTONE_SERVER_JOBS_CATALOG_H_
#define HALFTONE_SERVER_JOBS_CATALOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "profilers/cost_profiler.h"
#include "search/pipeline.h"
#include "server/jobs/blob_store.h"
#include "server/jobs/state_database.h"

namespace halftone {

enum class ContentKind { kModel = 1, kDataset = 2, kTargetFile = 3 };

// An upload.
struct ContentRecord {
  std::string sha256;
  std::string display_name;
  int64_t size_bytes = 0;
  absl::Time create_time;
};

struct ContentPage {
  std::vector<ContentRecord> contents;
  std::string next_page_token;  // empty on the last page
};

// Knows the uploads, and the outputs of finished stages. Thread-safe.
class Catalog final : public ArtifactStore {
 public:
  // Borrows all three.
  Catalog(StateDatabase* database, const BlobStore* blobs, const Clock* clock)
      : database_(database), blobs_(blobs), clock_(clock) {}

  // Remembers a blob that is stored; the first name stays. Returns what is known of it.
  absl::StatusOr<ContentRecord> Add(ContentKind kind, const std::string& sha256,
                                    const std::string& display_name, int64_t size_bytes);
  // NOT_FOUND names `models/{sha256}` or the like.
  absl::StatusOr<ContentRecord> Find(ContentKind kind, const std::string& sha256) const;
  // Newest first. INVALID_ARGUMENT for a malformed token.
  absl::StatusOr<ContentPage> List(ContentKind kind, int page_size,
                                   const std::string& page_token) const;

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
class StoredCostCache final : public CostCache {
 public:
  explicit StoredCostCache(StateDatabase* database) : database_(database) {}
  absl::StatusOr<std::string> Load(const std::string& key) override;
  absl::Status Store(const std::string& key, absl::string_view value) override;

 private:
  StateDatabase* database_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_CATALOG_H_
