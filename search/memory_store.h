#ifndef HALFTONE_SEARCH_MEMORY_STORE_H_
#define HALFTONE_SEARCH_MEMORY_STORE_H_

#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/hash.h"
#include "search/pipeline.h"

namespace halftone {

// Keeps everything in memory, for as long as it lives. Thread-safe.
class MemoryStore final : public ArtifactStore {
 public:
  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override {
    return Find(blobs_, sha256, "blob");
  }
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override {
    std::string sha256 = Sha256Hex(bytes);
    absl::MutexLock lock(&mutex_);
    blobs_[sha256] = std::string(bytes);
    return sha256;
  }
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override {
    return Find(stages_, absl::StrCat(StageName(stage), "/", key), "stage output");
  }
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override {
    absl::MutexLock lock(&mutex_);
    stages_[absl::StrCat(StageName(stage), "/", key)] = std::string(bytes);
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::string> Find(const std::map<std::string, std::string>& map,
                                   const std::string& key, absl::string_view what) {
    absl::MutexLock lock(&mutex_);
    const auto found = map.find(key);
    if (found != map.end()) return found->second;
    return absl::NotFoundError(absl::StrCat("no ", what, " '", key, "'"));
  }

  absl::Mutex mutex_;
  // By content, and by stage and key.
  std::map<std::string, std::string> blobs_, stages_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_MEMORY_STORE_H_
