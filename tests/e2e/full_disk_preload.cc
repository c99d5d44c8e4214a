// Loaded into a server before the C library (LD_PRELOAD): writes to regular files fail with ENOSPC
// while FullDiskState in the file that $HALFTONE_FULL_DISK names has no room for them. A server's
// reserve takes, and gives back, the room of one write for each of its pages.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

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

constexpr int64_t kPage = 4096;

void MakeRoomFor(int64_t writes) {
  int64_t room = State().room;
  while (!State().room.compare_exchange_weak(room, std::max<int64_t>(room, 0) + writes)) {
  }
}

bool IsReserve(const char* path) {
  constexpr std::string_view kName = "/state.reserve";
  const std::string_view text = path;
  return text.size() >= kName.size() && text.substr(text.size() - kName.size()) == kName;
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

int posix_fallocate(int file, off_t offset, off_t size) {
  const int64_t writes = size / kPage;
  if (State().room.fetch_sub(writes) < writes) {
    State().room.fetch_add(writes);
    return ENOSPC;
  }
  return ::syscall(SYS_fallocate, file, 0, offset, size) == 0 ? 0 : errno;
}

int unlink(const char* path) noexcept {
  struct stat information;
  const bool makes_room = IsReserve(path) && ::stat(path, &information) == 0;
  const int result = static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
  if (result == 0 && makes_room) MakeRoomFor(information.st_size / kPage);
  return result;
}

int mkdir(const char* path, mode_t mode) noexcept {
  struct stat information;
  if (::stat(path, &information) != 0 && IsRefused()) return -1;
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

}  // extern "C"
