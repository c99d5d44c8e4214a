#ifndef HALFTONE_SERVER_CONVERT_RESOURCE_NAME_H_
#define HALFTONE_SERVER_CONVERT_RESOURCE_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// The names of the API's resources, and their one parser. All errors are INVALID_ARGUMENT and name
// the text and the form that was expected.
std::string JobName(absl::string_view id);             // jobs/{id}
std::string ModelName(absl::string_view sha256);       // models/{sha256}
std::string DatasetName(absl::string_view sha256);     // datasets/{sha256}
std::string TargetFileName(absl::string_view sha256);  // targets/{sha256}
std::string ArtifactName(absl::string_view job_id, absl::string_view file);

absl::StatusOr<std::string> ParseJobName(absl::string_view name);      // the id
absl::StatusOr<std::string> ParseModelName(absl::string_view name);    // the sha256
absl::StatusOr<std::string> ParseDatasetName(absl::string_view name);  // the sha256

absl::StatusOr<std::string> ParseTargetFileName(absl::string_view name);  // the sha256

struct ArtifactId {
  std::string job_id, file;
};
absl::StatusOr<ArtifactId> ParseArtifactName(absl::string_view name);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_RESOURCE_NAME_H_
