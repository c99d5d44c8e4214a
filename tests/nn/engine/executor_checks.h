#ifndef HALFTONE_TESTS_NN_ENGINE_EXECUTOR_CHECKS_H_
#define HALFTONE_TESTS_NN_ENGINE_EXECUTOR_CHECKS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/engine/op.h"
#include "nn/engine/program.h"
#include "nn/graph/shape.h"

namespace halftone {

// Uniform in [lower, upper), the same for every run.
std::vector<float> RandomValues(int64_t count, uint64_t seed, float lower = -1, float upper = 1);

// Values for all inputs of a program.
std::map<std::string, std::vector<float>> RandomInputs(const Program& program, float lower = -1,
                                                       float upper = 1);

// Compiles and runs; all outputs by name. Reports failures to the running test.
std::map<std::string, std::vector<float>> RunProgram(
    const Program& program, const std::map<std::string, std::vector<float>>& inputs);

// Whether what the engine computes is, up to float rounding, what the definition of the ops says.
void ExpectMatchesReference(const Program& program,
                            const std::map<std::string, std::vector<float>>& inputs);

// The only result of an op; reports failures to the running test.
ValueId Apply(ProgramBuilder& builder, std::shared_ptr<const Op> op, std::vector<ValueId> srcs);

// A 1x1 convolution to `channels` channels with random weights: puts a value of rank 4 into the
// blocked layout that oneDNN prefers.
ValueId BlockedCopy(ProgramBuilder& builder, ValueId src, int64_t channels);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_EXECUTOR_CHECKS_H_
