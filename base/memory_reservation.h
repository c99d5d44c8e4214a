#ifndef HALFTONE_BASE_MEMORY_RESERVATION_H_
#define HALFTONE_BASE_MEMORY_RESERVATION_H_

#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/cancellation.h"

namespace halftone {

// A part of MemoryBudget::LimitBytes() that short works which go on side by side share: together
// they hold no more than the limit. Whoever holds a part must not wait for another one. Given back
// when it is destroyed.
class MemoryReservation {
 public:
  // Waits, in the order of the calls, until there is room; what is more than the limit counts as
  // the limit, since whoever takes that much is refused by CheckMemory. RESOURCE_EXHAUSTED where
  // there is none within `patience`; the cancellation's error. Thread-safe.
  static absl::StatusOr<MemoryReservation> Take(double bytes, absl::Duration patience,
                                                const Cancellation& cancellation);
  // Of nothing.
  MemoryReservation() = default;
  ~MemoryReservation() { Free(); }
  MemoryReservation(MemoryReservation&& other) noexcept : bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryReservation& operator=(MemoryReservation&& other) noexcept {
    Free();
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }

 private:
  explicit MemoryReservation(double bytes) : bytes_(bytes) {}
  void Free();

  double bytes_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_BASE_MEMORY_RESERVATION_H_
