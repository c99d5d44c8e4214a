#include <cstdint>
#include <cstdlib>

#include "nn/data/dataset.h"
#include "nn/data/npz.h"

// Any bytes are an archive or an error; what was read can be written and read again. The limits are
// low, so that libFuzzer's own limit on memory shows what is taken before it is checked.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const halftone::NpzLimits limits = {.max_array_bytes = 1 << 24, .max_total_bytes = 1 << 24};
  const auto arrays = halftone::ReadNpz(bytes, limits);
  if (!arrays.ok() || arrays->empty()) return 0;
  const auto written = halftone::WriteNpz(*arrays);
  if (!written.ok() || halftone::ReadNpz(*written)->size() != arrays->size()) abort();
  const auto dataset = halftone::Dataset::Create(*arrays);
  if (dataset.ok()) (void)dataset->Take(2);
  return 0;
}
