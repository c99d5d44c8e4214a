#ifndef HALFTONE_PROFILERS_ONEDNN_DISTURBANCE_H_
#define HALFTONE_PROFILERS_ONEDNN_DISTURBANCE_H_

#include <string>

#include "profilers/onednn/step_measurement.h"

namespace halftone {

// Tells whether measured times are the network's or those of what else the machine does, by two
// signs, since neither sees everything:
// - the processors' time that this process got of what its computing threads asked for. OpenMP's
//   threads spin while they wait, so it is near 1 on a quiet machine; a neighbour that never pauses
//   lowers it.
// - how much longer a plan took than the least times of its steps add up to. A neighbour that
//   interrupts every run leaves some run of each short step alone, also where OpenMP's spinning
//   threads get their share of the processors and wait in vain for one that does not run.
// Not thread-safe.
class Disturbance {
 public:
  // Of a measurement with so many threads, whose limits `options` states.
  Disturbance(const MeasurementOptions& options, int threads)
      : options_(options), threads_(threads) {}

  // A measurement runs between the two.
  void Start();
  void Stop();
  void See(const PlanTimes& times);

  // From 0 to about 1; 1 before any Stop.
  double ProcessorShare() const;
  // Of the most disturbed plan, 1 or more; 1 before any.
  double Slowdown() const { return slowdown_; }

  bool IsDisturbed() const;
  // "" where it is not; else begins with kDisturbedWarning, and says by what.
  std::string Warning() const;

 private:
  const MeasurementOptions options_;
  const int threads_;
  double wall_start_ = 0, busy_start_ = 0;  // seconds
  double wall_ = 0, busy_ = 0;
  double slowdown_ = 1;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_DISTURBANCE_H_
