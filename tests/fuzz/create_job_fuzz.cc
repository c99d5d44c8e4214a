#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!halftone::ExerciseCreateJob(bytes).ok()) abort();
  return 0;
}
