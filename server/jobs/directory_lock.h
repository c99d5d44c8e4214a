#ifndef HALFTONE_SERVER_JOBS_DIRECTORY_LOCK_H_
#define HALFTONE_SERVER_JOBS_DIRECTORY_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace halftone {

// Makes the directory and its parents (mode 0700 for those that are new). Errors name the path.
absl::Status MakeDirectories(const std::string& path);

// The right to run the jobs of a state directory, held by one process at a time. The operating
// system lets go of it when the process ends in whatever way.
class DirectoryLock {
 public:
  // FAILED_PRECONDITION names the directory and the process that holds the lock.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Acquire(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int directory) : directory_(directory) {}

  // What is locked is the directory itself, too: the file "lock", which says who has it, may be
  // removed by somebody who takes it for a leftover.
  int directory_;
  int file_ = -1;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_JOBS_DIRECTORY_LOCK_H_
