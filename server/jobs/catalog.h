#ifndef HALFTONE_SERVER_JOBS_CATALOG_H_
#define HALFTONE_SERVER_JOBS_CATALOG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "search/artifact_store.h"

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
class Catalog : public ArtifactStore {
 public:
  // Remembers a blob that is stored; the first name stays. Returns what is known of it.
  virtual absl::StatusOr<ContentRecord> Add(ContentKind kind, const std::string& sha256,
                                            const std::string& display_name,
                                            int64_t size_bytes) = 0;
  // NOT_FOUND names `models/{sha256}` or the like.
  virtual absl::StatusOr<ContentRecord> Find(ContentKind kind, const std::string& sha256) const = 0;
  // Newest first. INVALID_ARGUMENT for a malformed token.
  virtual absl::StatusOr<ContentPage> List(ContentKind kind, int page_size,
                                           const std::string& page_token) const = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_CATALOG_H_
