#include "profilers/onednn/cpu_lease.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "base/files.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr absl::Duration kRetryInterval = absl::Milliseconds(50);

std::string LeasePath() {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error) folder = "/tmp";
  return (folder / "halftone-cpu-measurement.lock").string();
}

}  // namespace

absl::StatusOr<CpuLease> CpuLease::Acquire(const Cancellation& cancellation) {
  const std::string path = LeasePath();
  // Without O_CREAT first: a file of another user in a sticky folder may be opened but not created.
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) file = open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file < 0) return ErrnoToStatus(errno, "cannot open", path);
  CpuLease lease(file);
  while (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoToStatus(errno, "cannot lock", path);
    HT_RETURN_IF_ERROR(cancellation.Check());
    absl::SleepFor(kRetryInterval);
  }
  return lease;
}

CpuLease::~CpuLease() {
  if (file_ >= 0) close(file_);
}

CpuLease::CpuLease(CpuLease&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

}  // namespace halftone
