#include "base/clock.h"

#include <chrono>

namespace halftone {
namespace {

class RealSteadyClock final : public SteadyClock {
 public:
  SteadyTime Now() const override {
    return SteadyTime::FromBeginning(
        absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()));
  }
};

}  // namespace

const SteadyClock& SteadyClock::Real() {
  // Never destroyed: threads may ask it while the process ends.
  static const auto* const clock = new RealSteadyClock;
  return *clock;
}

}  // namespace halftone
