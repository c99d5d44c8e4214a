#ifndef HALFTONE_BASE_FILES_H_
#define HALFTONE_BASE_FILES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// The whole file. NOT_FOUND, PERMISSION_DENIED, or RESOURCE_EXHAUSTED when it is larger than
// `limit_bytes`; every message names the path.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     int64_t limit_bytes = int64_t{4} << 30);

// Writes to a temporary file beside `path`, syncs it, and renames it over `path`: readers see the
// old content or the new, never a part. RESOURCE_EXHAUSTED when the disk is full.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content);

// Maps errno to the nearest status code, with "`what` `path`: reason" as message.
absl::Status ErrnoToStatus(int error, absl::string_view what, absl::string_view path);

// Whether the file can be read and has these bytes.
bool FileHolds(const std::string& path, absl::string_view bytes);

}  // namespace halftone

#endif  // HALFTONE_BASE_FILES_H_
