#ifndef HALFTONE_SERVER_JOBS_SOURCED_STORE_H_
#define HALFTONE_SERVER_JOBS_SOURCED_STORE_H_

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/jobs/catalog.h"

namespace halftone {

// The store of a computation that uses some uploads and no others: its outputs are known to depend
// on nothing else. Thread-safe.
class SourcedStore final : public ArtifactStore {
 public:
  // Borrows the catalog.
  SourcedStore(Catalog* catalog, Sources sources)
      : catalog_(catalog), sources_(std::move(sources)) {}

  // DATA_LOSS names the upload whose content is missing or damaged.
  absl::StatusOr<std::string> LoadBlob(const std::string& sha256) override {
    absl::StatusOr<std::string> bytes = catalog_->LoadBlob(sha256);
    if (bytes.ok()) return bytes;
    for (const ContentKind kind :
         {ContentKind::kModel, ContentKind::kDataset, ContentKind::kTargetFile}) {
      if (!catalog_->Find(kind, sha256).ok()) continue;
      return AsLost(absl::StrCat(CollectionOf(kind), "/", sha256), bytes.status(), kSendItAgain);
    }
    return bytes;
  }
  absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) override {
    return catalog_->StoreBlob(bytes);
  }
  absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) override {
    return catalog_->LoadDerived(stage, key, sources_);
  }
  absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) override {
    return catalog_->StoreDerived(stage, key, bytes, sources_);
  }

 private:
  Catalog* const catalog_;
  const Sources sources_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_SOURCED_STORE_H_
