#include "server/jobs/space_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace halftone {

void SpaceReserve::Take() const {
  struct stat information;
  if (::stat(path_.c_str(), &information) == 0 && information.st_size == kBytes) return;
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  const bool taken = ::posix_fallocate(file, 0, kBytes) == 0;
  ::close(file);
  if (!taken) Release();
}

void SpaceReserve::Release() const { ::unlink(path_.c_str()); }

}  // namespace halftone
