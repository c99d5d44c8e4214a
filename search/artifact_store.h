#ifndef HALFTONE_SEARCH_ARTIFACT_STORE_H_
#define HALFTONE_SEARCH_ARTIFACT_STORE_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// The stages of jobs. Their numbers are stored: new ones come last.
enum class Stage {
  kImport,
  kCalibrate,
  kSensitivity,
  kProfile,
  kSolve,
  kValidate,
  kExport,
  kRefine
};
absl::string_view StageName(Stage stage);  // "import", ...

// Where the pipeline takes its inputs from and leaves its outputs: bytes by content or by key.
// Thread-safe.
class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;
  // The uploaded model or dataset of that sha256. NOT_FOUND names it.
  virtual absl::StatusOr<std::string> LoadBlob(const std::string& sha256) = 0;
  // Keeps bytes (an exported model, a report) by content; returns their sha256.
  virtual absl::StatusOr<std::string> StoreBlob(absl::string_view bytes) = 0;
  // A finished stage's output by the hash of its inputs. NOT_FOUND when there is none.
  virtual absl::StatusOr<std::string> LoadStage(Stage stage, const std::string& key) = 0;
  virtual absl::Status StoreStage(Stage stage, const std::string& key, absl::string_view bytes) = 0;
};

// Whether all of these artifacts, name -> sha256, are there and whole: what a stage made of them
// otherwise has to be made again.
bool HasArtifacts(ArtifactStore& store, const std::map<std::string, std::string>& artifacts);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_ARTIFACT_STORE_H_
