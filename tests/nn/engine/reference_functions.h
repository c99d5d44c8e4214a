#ifndef HALFTONE_TESTS_NN_ENGINE_REFERENCE_FUNCTIONS_H_
#define HALFTONE_TESTS_NN_ENGINE_REFERENCE_FUNCTIONS_H_

#include "nn/engine/ops/elementwise.h"

namespace halftone {

// The elementwise functions by their definition, in double precision.
double Unary(const UnaryOp& op, double x);
double Binary(BinaryFunction function, double a, double b);

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_REFERENCE_FUNCTIONS_H_
