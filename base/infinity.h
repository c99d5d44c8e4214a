#ifndef HALFTONE_BASE_INFINITY_H_
#define HALFTONE_BASE_INFINITY_H_

#include <limits>

namespace halftone {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace halftone

#endif  // HALFTONE_BASE_INFINITY_H_
