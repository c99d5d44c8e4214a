#ifndef HALFTONE_TESTS_E2E_FULL_DISK_STATE_H_
#define HALFTONE_TESTS_E2E_FULL_DISK_STATE_H_

#include <atomic>
#include <cstdint>

namespace halftone {

// What a test and the library of full_disk_preload.cc in a server share, in a mapped file.
struct FullDiskState {
  std::atomic<int64_t> room;     // writes to files that still succeed
  std::atomic<int64_t> refused;  // with ENOSPC
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_E2E_FULL_DISK_STATE_H_
