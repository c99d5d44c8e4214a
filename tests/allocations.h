#ifndef HALFTONE_TESTS_ALLOCATIONS_H_
#define HALFTONE_TESTS_ALLOCATIONS_H_

#include <cstdint>
#include <string>

namespace halftone::testing {

// What the whole program has allocated, to the byte: a test that is linked with allocations.cc
// counts in the C library's malloc and all that stands on it (operator new, oneDNN, Eigen), so that
// the figures depend on neither the machine's load nor what of the memory was touched. Thread-safe.

// Whether anything is counted: a sanitizer has a malloc of its own.
bool AllocationsAreCounted();

// The most bytes that were allocated together, beyond what was when it was made. One at a time.
class PeakAllocation {
 public:
  PeakAllocation();
  // Forgets what was allocated at times before.
  void Restart();
  int64_t Bytes() const;

 private:
  int64_t before_;
};

// Expects an estimate to be at least 0.9 and at most 2.5 times what was allocated, in bytes: what
// everybody needs is left out, and what depends on data is assumed to be large. Their quotient is
// recorded in the test's XML as `name`. Skips the test where nothing is counted.
void ExpectEstimates(double estimate, double allocated, const std::string& name = "quotient");

}  // namespace halftone::testing

#endif  // HALFTONE_TESTS_ALLOCATIONS_H_
