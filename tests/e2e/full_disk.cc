#include "tests/e2e/full_disk.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "base/files.h"
#include "gtest/gtest.h"

namespace halftone {

absl::StatusOr<std::unique_ptr<FullDisk>> FullDisk::Create() {
  std::string path = testing::TempDir() + "/halftone-disk.XXXXXX";
  const int file = ::mkstemp(path.data());
  if (file < 0) return ErrnoToStatus(errno, "cannot create", path);
  void* memory = MAP_FAILED;
  if (::ftruncate(file, sizeof(FullDiskState)) == 0) {
    memory = ::mmap(nullptr, sizeof(FullDiskState), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  const int error = errno;
  ::close(file);
  if (memory == MAP_FAILED) return ErrnoToStatus(error, "cannot map", path);
  std::unique_ptr<FullDisk> disk(new FullDisk(path, new (memory) FullDiskState{}));
  disk->MakeRoom();
  return disk;
}

FullDisk::~FullDisk() {
  ::munmap(state_, sizeof(FullDiskState));
  ::unlink(path_.c_str());
}

}  // namespace halftone
