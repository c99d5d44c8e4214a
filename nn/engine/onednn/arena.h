#ifndef HALFTONE_NN_ENGINE_ONEDNN_ARENA_H_
#define HALFTONE_NN_ENGINE_ONEDNN_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace halftone {

// Every buffer starts at a multiple of this: a cache line, and an AVX-512 register.
constexpr int64_t kBufferAlignment = 64;

// A buffer that is alive from step `first` to step `last`, both included.
struct BufferLifetime {
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct ArenaPlan {
  std::vector<int64_t> offsets;  // of every buffer, aligned to kBufferAlignment
  int64_t bytes = 0;             // the size of the arena
};

// Places buffers in one arena so that those alive at the same step do not overlap. Greedy: the
// largest first, each into the tightest gap (Pisarchyk and Lee 2020, "Greedy by size").
ArenaPlan PlanArena(absl::Span<const BufferLifetime> buffers);

// Memory aligned to kBufferAlignment.
struct AlignedDelete {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<std::byte, AlignedDelete>;

// In pages of 2 MiB where it is large and the system grants them: a network that streams its
// activations through memory waits for fewer translations of addresses, and its time does not
// depend on where its pages happen to lie. RESOURCE_EXHAUSTED when `bytes` exceeds the machine's
// memory or cannot be allocated.
absl::StatusOr<AlignedMemory> AllocateAligned(int64_t bytes);

// Memory that several users take in turns, each overwriting what the one before left: they all find
// the same pages, and so what they take differs by what they do and not by where their pages lie.
// One thread at a time.
class SharedArena {
 public:
  // Zeroed memory of at least `bytes`, which lives as long as somebody holds it: the one that was
  // given before where that is large enough, else a larger one, with room for a little more.
  absl::StatusOr<std::shared_ptr<std::byte>> Reserve(int64_t bytes);

 private:
  std::shared_ptr<std::byte> memory_;
  int64_t bytes_ = 0;
};

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_ARENA_H_
