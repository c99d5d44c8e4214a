#ifndef HALFTONE_TESTS_NN_ENGINE_REFERENCE_RUN_H_
#define HALFTONE_TESTS_NN_ENGINE_REFERENCE_RUN_H_

#include <map>
#include <string>
#include <vector>

#include "nn/engine/program.h"

namespace halftone {

// A tensor in C order and double precision.
struct ReferenceArray {
  Shape shape;
  std::vector<double> values;
};

// Runs a program by the definition of its ops, one element after the other in double precision:
// slow, and written without regard to how the engine computes. Returns all named outputs.
std::map<std::string, ReferenceArray> ReferenceRun(
    const Program& program, const std::map<std::string, std::vector<float>>& inputs);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_REFERENCE_RUN_H_
