#include "server/jobs/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

std::string HolderOf(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadFile(path, /*limit_bytes=*/64);
  if (!content.ok() || content->empty()) return "another process";
  return absl::StrCat("process ", absl::StripSuffix(*content, "\n"));
}

}  // namespace

absl::Status MakeDirectories(const std::string& path) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      return ErrnoToStatus(errno, "cannot make directory", part);
    }
    if (end == std::string::npos) break;
  }
  struct stat information;
  if (::stat(path.c_str(), &information) != 0) return ErrnoToStatus(errno, "cannot stat", path);
  if (!S_ISDIR(information.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("'", path, "' is not a directory"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(
    const std::string& directory) {
  HT_RETURN_IF_ERROR(MakeDirectories(directory));
  const std::string path = absl::StrCat(directory, "/lock");
  const auto take = [&](int file, const std::string& name) -> absl::Status {
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
    if (errno != EWOULDBLOCK) return ErrnoToStatus(errno, "cannot lock", name);
    return absl::FailedPreconditionError(
        absl::StrCat("state directory '", directory, "' is in use: ", HolderOf(path),
                     " runs its jobs; talk to that server, or choose another state directory"));
  };
  const int opened = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return ErrnoToStatus(errno, "cannot open", directory);
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(opened));
  HT_RETURN_IF_ERROR(take(opened, directory));
  const int file = lock->file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return ErrnoToStatus(errno, "cannot open", path);
  HT_RETURN_IF_ERROR(take(file, path));
  const std::string holder = absl::StrCat(::getpid(), "\n");
  // The process id only serves the message above: the lock holds without it.
  if (::ftruncate(file, 0) == 0) {
    const ssize_t written = ::pwrite(file, holder.data(), holder.size(), 0);
    static_cast<void>(written);
  }
  return lock;
}

DirectoryLock::~DirectoryLock() {
  if (file_ >= 0) ::close(file_);
  ::close(directory_);
}

}  // namespace halftone
