#include "server/jobs/state_errors.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/shown_text.h"
#include "spdlog/spdlog.h"

namespace halftone {

absl::Status WriteError(int error, absl::string_view what, const std::string& path) {
  const absl::Status status = ErrnoToStatus(error, what, path);
  if (error != ENOSPC && error != EDQUOT) return status;
  return absl::ResourceExhaustedError(absl::StrCat(status.message(), ": ", kMakeRoom));
}

absl::Status AboutState(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  spdlog::error("the state directory is damaged: {}", LogLine(status.message()));
  return absl::DataLossError(
      "a folder of the server's state directory is gone, or is none any more: put it back, or "
      "start the server on a new one");
}

absl::Status AboutPart(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  spdlog::error("the state directory is damaged: {}", LogLine(status.message()));
  return absl::DataLossError(
      "what was written so far was taken away from the server's state directory: send it again");
}

}  // namespace halftone
