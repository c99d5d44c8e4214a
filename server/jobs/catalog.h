#ifndef HALFTONE_SERVER_JOBS_CATALOG_H_
#define HALFTONE_SERVER_JOBS_CATALOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "search/artifact_store.h"

namespace halftone {

enum class ContentKind { kModel = 1, kDataset = 2, kTargetFile = 3 };
// "models" or the like.
absl::string_view CollectionOf(ContentKind kind);

// Of an error about the content of a resource: DATA_LOSS that names it, where that content is
// missing or damaged, with the remedy if there is one ("send it again"); others stay as they are.
absl::Status AsLost(absl::string_view resource, const absl::Status& status,
                    absl::string_view remedy = "");
// The remedy for an upload.
inline constexpr char kSendItAgain[] =
    "send it again: an upload of the same content brings it back";

// An upload.
struct ContentRecord {
  std::string sha256;
  std::string display_name;
  int64_t size_bytes = 0;
  absl::Time create_time;
  absl::Time use_time;  // of the last use, or up to ten minutes before it
};

struct ContentPage {
  std::vector<ContentRecord> contents;
  std::string next_page_token;  // empty on the last page
};

// The sha256 of uploads.
using Sources = std::vector<std::string>;

// The output of a stage.
struct StageRecord {
  Stage stage;
  std::string key;
  std::string sha256;
  std::optional<Sources> sources;  // all uploads that it may depend on; none where not known
  absl::Time use_time;             // as ContentRecord's
};

// Knows the uploads, and the outputs of finished stages. To add, find, load or store is a use of
// what it is about; List() and Stages() are none. Thread-safe, and safe for several processes.
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
  // Forgets the upload unless it was used since then; returns whether it did. The blob stays.
  virtual absl::StatusOr<bool> RemoveUnused(ContentKind kind, const std::string& sha256,
                                            absl::Time since) = 0;

  // As LoadStage and StoreStage, for one who computes with these uploads alone. Since a key is a
  // hash of all that its output depends on, the output depends only on what all have in common who
  // come to the same key. NOT_FOUND where one is to be stored and an upload is gone.
  virtual absl::StatusOr<std::string> LoadDerived(Stage stage, const std::string& key,
                                                  const Sources& sources) = 0;
  virtual absl::Status StoreDerived(Stage stage, const std::string& key, absl::string_view bytes,
                                    const Sources& sources) = 0;
  // All that are stored, in no order.
  virtual absl::StatusOr<std::vector<StageRecord>> Stages() const = 0;
  // As RemoveUnused.
  virtual absl::StatusOr<bool> RemoveUnusedStage(Stage stage, const std::string& key,
                                                 absl::Time since) = 0;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_CATALOG_H_
