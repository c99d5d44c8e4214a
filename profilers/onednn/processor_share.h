#ifndef HALFTONE_PROFILERS_ONEDNN_PROCESSOR_SHARE_H_
#define HALFTONE_PROFILERS_ONEDNN_PROCESSOR_SHARE_H_

#include <ctime>

namespace halftone {

// How much processor time this process got of what its computing threads asked for, over the spans
// between Start and Stop. OpenMP's threads spin while they wait, so the share is near 1 on a quiet
// machine; a neighbour that takes processors away lowers it, even one that never pauses, which
// comparing runs with each other cannot tell. Not thread-safe.
class ProcessorShare {
 public:
  void Start() {
    wall_start_ = Seconds(CLOCK_MONOTONIC);
    busy_start_ = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  }
  void Stop() {
    wall_ += Seconds(CLOCK_MONOTONIC) - wall_start_;
    busy_ += Seconds(CLOCK_PROCESS_CPUTIME_ID) - busy_start_;
  }
  // From 0 to about 1; 1 before any Stop.
  double Of(int threads) const { return wall_ > 0 ? busy_ / (wall_ * threads) : 1; }

 private:
  static double Seconds(clockid_t clock) {
    timespec time;
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  double wall_start_ = 0, busy_start_ = 0;
  double wall_ = 0, busy_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_PROCESSOR_SHARE_H_
