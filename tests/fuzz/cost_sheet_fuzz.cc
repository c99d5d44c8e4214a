// libFuzzer target: any bytes are a sheet of costs, as CSV or as JSON, or are refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "profilers/table/cost_sheet.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& sheet : {halftone::ReadCsvSheet(text), halftone::ReadJsonSheet(text)}) {
    if (sheet.ok() && !halftone::CheckSheet(*sheet).ok()) abort();
  }
  return 0;
}
