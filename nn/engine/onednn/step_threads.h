#ifndef HALFTONE_NN_ENGINE_ONEDNN_STEP_THREADS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_STEP_THREADS_H_

#include "nn/engine/program.h"

namespace halftone {

// On how many of `all` threads an instruction is computed: on one where it takes so little that
// sharing it out gains microseconds at best. Where another process has taken a thread's processor,
// the others wait for it a thousand times longer than that, in every operation.
int ThreadsFor(const Program& program, const Instruction& instruction, int all);

// Multiply-adds of about the time that it takes: those of products, and what is read and written.
double CostOf(const Program& program, const Instruction& instruction);

// Below it, one thread: some ten microseconds of one core.
inline constexpr double kOneThreadCost = 2e6;

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_STEP_THREADS_H_
