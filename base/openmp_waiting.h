#ifndef HALFTONE_BASE_OPENMP_WAITING_H_
#define HALFTONE_BASE_OPENMP_WAITING_H_

namespace halftone {

// OpenMP's threads spin while they wait for each other: the next kernel comes within microseconds,
// and to sleep and be woken takes longer than the kernel. But where another process has taken a
// thread's processor, the others spin for milliseconds, and a network on two threads beside a busy
// process takes up to a hundred times longer. So the spinning is bounded, to less than a
// millisecond. Much less would let them sleep between kernels, and a system that wakes two of them
// on one processor halves the speed (docs/benchmarks.md has figures).
//
// GNU's library reads its settings from the environment before `main`: this sets them and starts
// the program anew, with the same process id. To be called first in `main`, with its argv. Does
// nothing where the environment says already how to wait, or where that fails.
void BoundOpenMpSpinning(char** argv);

}  // namespace halftone

#endif  // HALFTONE_BASE_OPENMP_WAITING_H_
