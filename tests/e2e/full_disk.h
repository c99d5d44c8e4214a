#ifndef HALFTONE_TESTS_E2E_FULL_DISK_H_
#define HALFTONE_TESTS_E2E_FULL_DISK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/e2e/full_disk_state.h"

namespace halftone {

// A disk that is as full as the test says, for servers that were started with `path()` as
// ServerProcess::Options::full_disk. One that was just made has room. Removes its file.
class FullDisk {
 public:
  static constexpr int64_t kMuch = int64_t{1} << 40;

  static absl::StatusOr<std::unique_ptr<FullDisk>> Create();
  ~FullDisk();

  const std::string& path() const { return path_; }
  int64_t refused() const { return state_->refused; }
  // Full after so many more writes.
  void SetRoom(int64_t writes) { state_->room = writes; }
  void MakeRoom() { SetRoom(kMuch); }
  // Since room was made last.
  int64_t Written() const { return kMuch - state_->room; }

 private:
  FullDisk(std::string path, FullDiskState* state) : path_(std::move(path)), state_(state) {}

  const std::string path_;
  FullDiskState* const state_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_E2E_FULL_DISK_H_
