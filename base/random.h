#ifndef HALFTONE_BASE_RANDOM_H_
#define HALFTONE_BASE_RANDOM_H_

#include <cstdint>

namespace halftone {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a small generator whose whole state is its seed,
// so that a stream can be started anywhere (seed, sample, draw) and gives the same numbers on
// every machine and with every batch size. Satisfies UniformRandomBitGenerator.
class SplitMix64 {
 public:
  using result_type = uint64_t;
  explicit SplitMix64(uint64_t seed) : state_(seed) {}
  // An independent stream for each (seed, stream) pair.
  SplitMix64(uint64_t seed, uint64_t stream) : state_(Mix(seed) ^ Mix(~stream)) {}

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return UINT64_MAX; }
  uint64_t operator()() { return Mix(state_ += 0x9e3779b97f4a7c15ull); }

  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  // -1 or +1, each with probability one half.
  float Sign() { return (*this)() >> 63 ? 1.0f : -1.0f; }

 private:
  static constexpr uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

}  // namespace halftone

#endif  // HALFTONE_BASE_RANDOM_H_
