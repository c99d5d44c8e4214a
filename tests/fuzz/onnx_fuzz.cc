// libFuzzer target: any bytes must be read as a model or refused.
#include <cstddef>
#include <cstdint>

#include "tests/nn/onnx/exercise_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  halftone::ExerciseModel(absl::string_view(reinterpret_cast<const char*>(data), size))
      .IgnoreError();
  return 0;
}
