#include "base/openmp_waiting.h"

#include <unistd.h>

#include <cstdlib>
#include <initializer_list>

namespace halftone {
namespace {

constexpr char kSpinCount[] = "20000";

}  // namespace

void BoundOpenMpSpinning(char** argv) {
  for (const char* const name : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}) {
    if (std::getenv(name) != nullptr) return;
  }
  // Once set, the program started anew returns above.
  if (::setenv("GOMP_SPINCOUNT", kSpinCount, /*overwrite=*/0) != 0) return;
  ::execv("/proc/self/exe", argv);
}

}  // namespace halftone
