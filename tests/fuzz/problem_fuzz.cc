// libFuzzer target: any bytes are a problem that can be written and read again, or are refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/bounded_json.h"
#include "search/solver/problem.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = halftone::ParseBoundedJson(text, {.max_values = 100'000, .max_depth = 64});
  if (!json.ok()) return 0;
  const auto problem = halftone::ProblemFromJson(*json);
  if (!problem.ok()) return 0;
  if (!halftone::CheckProblem(*problem).ok()) abort();
  const nlohmann::json written = halftone::ProblemToJson(*problem);
  const auto again = halftone::ProblemFromJson(written);
  if (!again.ok() || halftone::ProblemToJson(*again) != written) abort();
  return 0;
}
