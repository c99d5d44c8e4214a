#ifndef HALFTONE_PROFILERS_ONEDNN_CACHE_SWEEP_H_
#define HALFTONE_PROFILERS_ONEDNN_CACHE_SWEEP_H_

#include <cstdint>
#include <vector>

namespace halftone {

// Empties the processor's caches of what others left there, by writing through more memory than
// they hold. Holds that memory; not thread-safe.
class CacheSweep {
 public:
  CacheSweep();
  void Run();

 private:
  std::vector<uint64_t> memory_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_CACHE_SWEEP_H_
