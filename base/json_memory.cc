#include "base/json_memory.h"

#include <string>

#include "base/heap_memory.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

// An array that grows by doubling may have room for as many again.
constexpr double kGrown = 2;
// Containers lie in allocations of their own, and an array's elements in one more.
constexpr double kArray = sizeof(json::array_t) + 2 * kAllocationBytes;
constexpr double kObject = sizeof(json::object_t) + kAllocationBytes;
constexpr double kMember = kNodeBytes<json::object_t::value_type>;
constexpr double kText = sizeof(std::string) + kAllocationBytes;
// Characters that a std::string holds in itself.
constexpr size_t kShort = 15;

bool IsScalar(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-'; }

// Where the text that begins at `begin` ends: behind its closing quote.
size_t EndOfText(absl::string_view json, size_t begin) {
  for (size_t i = begin + 1; i < json.size(); ++i) {
    if (json[i] == '"') return i + 1;
    if (json[i] == '\\') ++i;
  }
  return json.size();
}

}  // namespace

JsonCounts CountJson(absl::string_view text, const JsonLimits& limits) {
  JsonCounts counts;
  for (size_t i = 0; i < text.size() && counts.values() <= limits.max_values;) {
    const char c = text[i];
    if (c == '"') {
      const size_t end = EndOfText(text, i), length = end - i;
      i = end;
      ++counts.texts;
      if (length <= kShort + 2) continue;
      ++counts.long_texts;
      counts.long_bytes += length;
    } else if (IsScalar(c)) {
      ++counts.scalars;
      // Exponents and fractions too.
      while (i < text.size() &&
             (IsScalar(text[i]) || text[i] == '.' || text[i] == '+' || text[i] == 'E')) {
        ++i;
      }
    } else {
      counts.objects += c == '{';
      counts.arrays += c == '[';
      if (c == ':' && counts.texts > 0) {
        // The text before it was a name.
        --counts.texts;
        ++counts.members;
      }
      ++i;
    }
  }
  return counts;
}

double JsonBytes(const JsonCounts& counts) {
  const auto times = [](size_t count, double bytes) { return static_cast<double>(count) * bytes; };
  return times(counts.objects, kObject) + times(counts.arrays, kArray) +
         times(counts.members, kMember) + times(counts.texts, kText) +
         times(counts.elements(), kGrown * sizeof(json)) +
         times(counts.long_texts, kAllocationBytes) + static_cast<double>(counts.long_bytes);
}

}  // namespace halftone
