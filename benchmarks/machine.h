#ifndef HALFTONE_BENCHMARKS_MACHINE_H_
#define HALFTONE_BENCHMARKS_MACHINE_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "nn/engine/executor.h"

// What a benchmark's figures are compared with.
namespace halftone {

// A session that multiplies two square matrices of float32: the work to reach the peak rate with.
absl::StatusOr<std::unique_ptr<Session>> MakeMatrixProduct(int64_t size);

// Multiplications and additions a second: the best of several products of large matrices on all of
// oneDNN's threads. 0 where it cannot be measured.
double MeasurePeakRate();

// The most memory that the process has held since ResetPeakMemory, or since its start where the
// system cannot reset it (Linux, /proc/self/clear_refs). Bytes; 0 where unknown.
void ResetPeakMemory();
int64_t PeakMemory();

}  // namespace halftone

#endif  // HALFTONE_BENCHMARKS_MACHINE_H_
