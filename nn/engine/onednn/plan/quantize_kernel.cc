#include "nn/engine/onednn/plan/quantize_kernel.h"

#include <algorithm>

#include "base/target_clones.h"
#include "nn/engine/onednn/kernels/parallel.h"
#include "nn/quant/round_level.h"

namespace halftone::plan {
namespace {

template <typename T>
void Quantize(const Form& form, int64_t begin, int64_t end, const float* src, T* dst) {
  const float low = static_cast<float>(form.qmin - form.zero_point);
  const float high = static_cast<float>(form.qmax - form.zero_point);
  for (int64_t i = begin; i < end; ++i) {
    const float level = RoundLevel(src[i] / form.scale, low, high);
    dst[i] = static_cast<T>(static_cast<int32_t>(level) + form.zero_point);
  }
}

HT_TARGET_CLONES void RoundFloats(const Form& form, int64_t count, const float* src, float* dst) {
  const float scale = form.scale;
  const float low = static_cast<float>(form.qmin - form.zero_point);
  const float high = static_cast<float>(form.qmax - form.zero_point);
  for (int64_t i = 0; i < count; ++i) dst[i] = scale * RoundLevel(src[i] / scale, low, high);
}

}  // namespace

void QuantizeToGrid(const Form& form, int64_t count, const float* src, std::byte* dst) {
  ParallelFor(count, kParallelGrain, [&](int64_t begin, int64_t end) {
    if (form.IsRounded()) {
      RoundFloats(form, end - begin, src + begin, reinterpret_cast<float*>(dst) + begin);
    } else if (form.type == DataKind::u8) {
      Quantize(form, begin, end, src, reinterpret_cast<uint8_t*>(dst));
    } else {
      Quantize(form, begin, end, src, reinterpret_cast<int8_t*>(dst));
    }
  });
}

}  // namespace halftone::plan
