// Loaded into a server before the C library (LD_PRELOAD): writes to regular files fail with ENOSPC
// while FullDiskState in the file that $HALFTONE_FULL_DISK names has no room for them.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/e2e/full_disk_state.h"

namespace {

halftone::FullDiskState* MapState() {
  const char* path = std::getenv("HALFTONE_FULL_DISK");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) std::abort();
  void* memory =
      ::mmap(nullptr, sizeof(halftone::FullDiskState), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) std::abort();
  return static_cast<halftone::FullDiskState*>(memory);
}

halftone::FullDiskState& State() {
  static halftone::FullDiskState* const state = MapState();
  return *state;
}

bool IsRefused() {
  if (State().room.fetch_sub(1) > 0) return false;
  ++State().refused;
  errno = ENOSPC;
  return true;
}

// Sockets, pipes and events are on no disk.
bool IsRefused(int file) {
  struct stat information;
  return ::fstat(file, &information) == 0 && S_ISREG(information.st_mode) && IsRefused();
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* bytes, size_t size) {
  return IsRefused(file) ? -1 : ::syscall(SYS_write, file, bytes, size);
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
  return IsRefused(file) ? -1 : ::syscall(SYS_pwrite64, file, bytes, size, offset);
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
  return pwrite64(file, bytes, size, offset);
}

int fsync(int file) { return IsRefused(file) ? -1 : static_cast<int>(::syscall(SYS_fsync, file)); }

int fdatasync(int file) {
  return IsRefused(file) ? -1 : static_cast<int>(::syscall(SYS_fdatasync, file));
}

int mkdir(const char* path, mode_t mode) noexcept {
  struct stat information;
  if (::stat(path, &information) != 0 && IsRefused()) return -1;
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

}  // extern "C"
