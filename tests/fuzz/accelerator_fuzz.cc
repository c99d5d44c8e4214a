// libFuzzer target: any bytes are an accelerator's description or are refused; what follows the
// first zero byte are parameters.
#include <cstddef>
#include <cstdint>

#include "profilers/simulated/accelerator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find('\0');
  const absl::string_view parameters =
      end == absl::string_view::npos ? absl::string_view() : bytes.substr(end + 1);
  halftone::Accelerator::Parse(bytes.substr(0, end), "fuzz", parameters).IgnoreError();
  return 0;
}
