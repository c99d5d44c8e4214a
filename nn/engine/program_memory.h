#ifndef HALFTONE_NN_ENGINE_PROGRAM_MEMORY_H_
#define HALFTONE_NN_ENGINE_PROGRAM_MEMORY_H_

#include "nn/engine/program.h"

namespace halftone {

// What a program holds when an Executable of it runs in one Session, in bytes.
struct ProgramMemory {
  // Of the session: what is alive together, at most, in large pages where it is much.
  double arena = 0;
  // Beside the program's own constants: what is computed from constants alone, and weights as
  // convolutions want them.
  double constants = 0;
};

// From shapes alone, before anything is compiled. A value is alive from the instruction that writes
// it to the last one that reads it, inputs and outputs always; elementwise steps write over what
// they read where nobody else does; and what a convolution writes and something else reads in C
// order, or the other way round, is there twice. Joined instructions count as if they were not, and
// scratch memory of kernels does not count.
ProgramMemory EstimateMemory(const Program& program);

// All that instructions write, in bytes: what a program holds that is also differentiated. Without
// what is constant, and what is only another shape of something.
double ResultBytes(const Program& program);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_PROGRAM_MEMORY_H_
