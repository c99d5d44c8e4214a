#include "search/solver/limit_shifts.h"

namespace halftone {
namespace {

constexpr double kShares[] = {-0.04, -0.01, 0.01, 0.04};

}  // namespace

std::vector<std::vector<double>> LimitShifts(size_t limits, bool thorough) {
  std::vector<std::vector<double>> shifts;
  if (limits < 2) return shifts;
  for (size_t k = 0; k < limits; ++k) {
    for (const double share : kShares) shifts.emplace_back(limits, 0.0)[k] = share;
  }
  if (!thorough || limits > 2) return shifts;
  for (const double share : kShares) {
    shifts.push_back({share, share});
    shifts.push_back({share, -share});
  }
  return shifts;
}

}  // namespace halftone
