#ifndef HALFTONE_SEARCH_SOLVER_STOP_H_
#define HALFTONE_SEARCH_SOLVER_STOP_H_

#include <cstdint>
#include <limits>
#include <utility>

#include "base/cancellation.h"
#include "base/clock.h"

namespace halftone {

// When a search has to end with what it has: once cancelled, after the deadline (by the
// cancellation's clock), or, whatever the clock, when it has been asked more than `most_questions`
// times. Remembers that it said so. Not thread-safe.
class Stop {
 public:
  Stop(Cancellation cancellation, SteadyTime deadline,
       int64_t most_questions = std::numeric_limits<int64_t>::max())
      : cancellation_(std::move(cancellation)),
        deadline_(deadline),
        most_questions_(most_questions) {}

  bool operator()() {
    ++questions_;
    if (!stopped_) {
      stopped_ = questions_ > most_questions_ || Now() >= deadline_ || !cancellation_.Check().ok();
    }
    return stopped_;
  }
  // How often it has been asked.
  int64_t questions() const { return questions_; }
  bool stopped() const { return stopped_; }
  SteadyTime deadline() const { return deadline_; }
  // By the clock of the deadline.
  SteadyTime Now() const { return cancellation_.clock().Now(); }
  const Cancellation& cancellation() const { return cancellation_; }

 private:
  Cancellation cancellation_;
  SteadyTime deadline_;
  int64_t most_questions_;
  int64_t questions_ = 0;
  bool stopped_ = false;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SOLVER_STOP_H_
