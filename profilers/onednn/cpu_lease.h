#ifndef HALFTONE_PROFILERS_ONEDNN_CPU_LEASE_H_
#define HALFTONE_PROFILERS_ONEDNN_CPU_LEASE_H_

#include "absl/status/statusor.h"
#include "base/cancellation.h"

namespace halftone {

// The right to measure on this machine, held by one holder in all processes: an advisory lock on a
// file in the folder for temporary files. Released by the destructor, or with the process.
class CpuLease {
 public:
  // Waits until it is free. CANCELLED or DEADLINE_EXCEEDED; other errors name the file.
  static absl::StatusOr<CpuLease> Acquire(const Cancellation& cancellation);
  ~CpuLease();
  CpuLease(CpuLease&& other) noexcept;
  CpuLease& operator=(CpuLease&& other) = delete;

 private:
  explicit CpuLease(int file) : file_(file) {}
  int file_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_CPU_LEASE_H_
