#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

absl::Status WriteAll(int file, absl::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoToStatus(errno, "cannot write", path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(file) != 0) return ErrnoToStatus(errno, "cannot sync", path);
  return absl::OkStatus();
}

}  // namespace

absl::Status ErrnoToStatus(int error, absl::string_view what, absl::string_view path) {
  const std::string message = absl::StrCat(what, " '", path, "': ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case EISDIR:
    case ENAMETOOLONG:
      return absl::InvalidArgumentError(message);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t limit_bytes) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return ErrnoToStatus(errno, "cannot open", path);
  absl::Cleanup close = [file] { ::close(file); };
  struct stat information;
  if (::fstat(file, &information) != 0) return ErrnoToStatus(errno, "cannot stat", path);
  if (!S_ISREG(information.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' is not a regular file"));
  }
  if (information.st_size > limit_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("'", path, "' has ", information.st_size,
                                                     " bytes, the limit is ", limit_bytes));
  }
  std::string content(static_cast<size_t>(information.st_size), '\0');
  size_t have = 0;
  while (have < content.size()) {
    const ssize_t count = ::read(file, content.data() + have, content.size() - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoToStatus(errno, "cannot read", path);
    if (count == 0) break;
    have += static_cast<size_t>(count);
  }
  content.resize(have);
  return content;
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) {
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  const int file = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return ErrnoToStatus(errno, "cannot create", temporary);
  absl::Status status = WriteAll(file, content, path);
  ::fchmod(file, 0644);
  ::close(file);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoToStatus(errno, "cannot rename to", path);
  }
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

bool FileHolds(const std::string& path, absl::string_view bytes) {
  constexpr size_t kChunk = size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> chunk(std::min(kChunk, bytes.size() + 1));
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    const absl::string_view read(chunk.data(), static_cast<size_t>(file.gcount()));
    if (!absl::StartsWith(bytes, read)) return false;
    bytes.remove_prefix(read.size());
  }
  return file.eof() && bytes.empty();
}

}  // namespace halftone
