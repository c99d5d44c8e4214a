#ifndef HALFTONE_NN_ENGINE_ONEDNN_KERNELS_ELEMENTWISE_KERNELS_H_
#define HALFTONE_NN_ENGINE_ONEDNN_KERNELS_ELEMENTWISE_KERNELS_H_

#include <cstdint>

#include "nn/engine/onednn/kernels/strided.h"
#include "nn/engine/ops/elementwise.h"

// Element by element, in parallel. dst may be one of the sources.
namespace halftone {

// Whether UnaryKernel computes the function; oneDNN does the others.
bool HasUnaryKernel(UnaryFunction function);
void UnaryKernel(UnaryFunction function, float alpha, float beta, int64_t count, const float* src,
                 float* dst);

// Operands: dst, a, b.
void BinaryKernel(BinaryFunction function, const StridedLoop<3>& loop, const float* a,
                  const float* b, float* dst);

// Operands: dst, condition, a, b. dst must be no source that is repeated.
void SelectKernel(const StridedLoop<4>& loop, const float* condition, const float* a,
                  const float* b, float* dst);

// GateOp's formula.
struct GateParameters {
  float lower;
  float upper;
  float inside;
  float outside;
};
void GateKernel(const GateParameters& gate, int64_t count, const float* x, const float* cotangent,
                float* dst);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_KERNELS_ELEMENTWISE_KERNELS_H_
