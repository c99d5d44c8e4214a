#ifndef HALFTONE_TESTS_AWAIT_H_
#define HALFTONE_TESTS_AWAIT_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace halftone {

// Returns once `condition()` is true, however long that takes: for what can only be asked, like the
// flag of a Cancellation or of a call of gRPC's. What tells of itself is waited for with a
// Notification or a Condition.
template <typename Condition>
void Await(const Condition& condition) {
  while (!condition()) absl::SleepFor(absl::Milliseconds(1));
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_AWAIT_H_
