#include "base/memory_reservation.h"

#include <algorithm>
#include <cstdint>
#include <deque>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/memory_budget.h"
#include "base/status_macros.h"
#include "base/units.h"

namespace halftone {
namespace {

// So often, who waits looks whether it is to go on waiting.
constexpr absl::Duration kLook = absl::Milliseconds(50);

struct Shared {
  absl::Mutex mutex;
  absl::CondVar freed;
  double held ABSL_GUARDED_BY(mutex) = 0;
  uint64_t next ABSL_GUARDED_BY(mutex) = 0;
  std::deque<uint64_t> waiting ABSL_GUARDED_BY(mutex);  // by the order of the calls
};

Shared& Process() {
  static auto* const shared = new Shared();
  return *shared;
}

}  // namespace

absl::StatusOr<MemoryReservation> MemoryReservation::Take(double bytes, absl::Duration patience,
                                                          const Cancellation& cancellation) {
  Shared& shared = Process();
  const double limit = MemoryBudget::LimitBytes();
  const double wanted = std::min(bytes, limit);
  const SteadyTime deadline = SteadyClock::Real().Now() + patience;
  absl::MutexLock lock(&shared.mutex);
  const uint64_t self = shared.next++;
  shared.waiting.push_back(self);
  absl::Status status;
  while (shared.waiting.front() != self || shared.held + wanted > limit) {
    status = cancellation.Check();
    if (status.ok() && SteadyClock::Real().Now() >= deadline) {
      status = absl::ResourceExhaustedError(absl::StrCat(
          "this needs about ", FormatQuantity(Quantity::kSize, bytes),
          " of memory, of which others hold ", FormatQuantity(Quantity::kSize, shared.held), " of ",
          FormatQuantity(Quantity::kSize, limit), ": try again later"));
    }
    if (!status.ok()) break;
    shared.freed.WaitWithTimeout(&shared.mutex, kLook);
  }
  shared.waiting.erase(std::find(shared.waiting.begin(), shared.waiting.end(), self));
  shared.freed.SignalAll();
  HT_RETURN_IF_ERROR(status);
  shared.held += wanted;
  return MemoryReservation(wanted);
}

void MemoryReservation::Free() {
  if (bytes_ == 0) return;
  Shared& shared = Process();
  absl::MutexLock lock(&shared.mutex);
  shared.held -= std::exchange(bytes_, 0);
  shared.freed.SignalAll();
}

}  // namespace halftone
