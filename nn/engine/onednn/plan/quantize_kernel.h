#ifndef HALFTONE_NN_ENGINE_ONEDNN_PLAN_QUANTIZE_KERNEL_H_
#define HALFTONE_NN_ENGINE_ONEDNN_PLAN_QUANTIZE_KERNEL_H_

#include <cstddef>
#include <cstdint>

#include "nn/engine/onednn/plan/form.h"

namespace halftone::plan {

// dst = clamp(round(src / scale) + zero_point, qmin, qmax) as the bytes of the form's type, for
// `count` elements, in parallel: what UniformQuantizer::Quantize gives, for grids smaller than
// the type that oneDNN's conversions saturate to. Of a form that is float32 on a grid, the values
// of these integers: what UniformQuantizer::FakeQuantize gives.
void QuantizeToGrid(const Form& form, int64_t count, const float* src, std::byte* dst);

}  // namespace halftone::plan

#endif  // HALFTONE_NN_ENGINE_ONEDNN_PLAN_QUANTIZE_KERNEL_H_
