#include "search/solver/problem_memory.h"

#include <algorithm>
#include <string>

#include "base/heap_memory.h"
#include "base/json_memory.h"
#include "search/solver/problem.h"

namespace halftone {
namespace {

// Of a text in a list, which grows by doubling and has room for half as many again, in the mean.
constexpr double kText = 1.5 * sizeof(std::string);
// Of an object: its costs, or the head of its list.
constexpr double kObject = sizeof(Costs) + kAllocationBytes;
// Of a number in an object, which is a cost.
constexpr double kCost = kNodeBytes<Costs::value_type>;

double ProblemBytes(const JsonCounts& counts) {
  const auto objects = static_cast<double>(counts.objects);
  const auto texts = static_cast<double>(counts.texts);
  const auto scalars = static_cast<double>(counts.scalars);
  // All others are in rows.
  const double costs = std::min(scalars, static_cast<double>(counts.members));
  return objects * kObject + texts * kText + costs * kCost + (scalars - costs) * sizeof(double) +
         static_cast<double>(counts.long_bytes);
}

}  // namespace

double ProblemReadingBytes(absl::string_view text) {
  const JsonCounts counts = CountJson(text);
  return static_cast<double>(text.size()) + JsonBytes(counts) + ProblemBytes(counts);
}

}  // namespace halftone
