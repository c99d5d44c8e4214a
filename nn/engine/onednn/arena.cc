#include "nn/engine/onednn/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/engine/large_pages.h"

namespace halftone {
namespace {

int64_t Align(int64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

struct Placed {
  int64_t offset;
  int64_t end;
  int first;
  int last;
};

// The start of the tightest gap of `bytes` between the placed buffers (sorted by offset) that are
// alive together with `buffer`; the end of them all where there is no such gap.
int64_t FindOffset(const std::vector<Placed>& placed, const BufferLifetime& buffer, int64_t bytes) {
  int64_t best = -1;
  int64_t best_gap = std::numeric_limits<int64_t>::max();
  int64_t free_from = 0;
  for (const Placed& other : placed) {
    if (other.last < buffer.first || buffer.last < other.first) continue;
    const int64_t gap = other.offset - free_from;
    if (gap >= bytes && gap < best_gap) {
      best = free_from;
      best_gap = gap;
    }
    free_from = std::max(free_from, other.end);
  }
  return best >= 0 ? best : free_from;
}

}  // namespace

ArenaPlan PlanArena(absl::Span<const BufferLifetime> buffers) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  ArenaPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<Placed> placed;
  placed.reserve(buffers.size());
  for (size_t index : order) {
    const BufferLifetime& buffer = buffers[index];
    const int64_t bytes = Align(buffer.bytes);
    if (bytes == 0) continue;
    const int64_t offset = FindOffset(placed, buffer, bytes);
    const Placed entry{offset, offset + bytes, buffer.first, buffer.last};
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), entry,
                         [](const Placed& a, const Placed& b) { return a.offset < b.offset; }),
        entry);
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, entry.end);
  }
  return plan;
}

absl::StatusOr<AlignedMemory> AllocateAligned(int64_t bytes) {
  const int64_t physical = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE);
  if (bytes < 0 || bytes > physical) {
    return absl::ResourceExhaustedError(
        absl::StrCat("needs ", bytes, " bytes; the machine has ", physical));
  }
  const bool is_large = bytes >= kLeastInLargePages;
  const int64_t alignment = is_large ? kLargePage : kBufferAlignment;
  const int64_t size = std::max((bytes + alignment - 1) / alignment * alignment, alignment);
  void* memory = std::aligned_alloc(static_cast<size_t>(alignment), static_cast<size_t>(size));
  if (memory == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot allocate ", bytes, " bytes"));
  }
  // A wish: without large pages it is the same memory.
  if (is_large) ::madvise(memory, static_cast<size_t>(size), MADV_HUGEPAGE);
  return AlignedMemory(static_cast<std::byte*>(memory));
}

absl::StatusOr<std::shared_ptr<std::byte>> SharedArena::Reserve(int64_t bytes) {
  if (memory_ != nullptr && bytes <= bytes_) return memory_;
  const int64_t larger = bytes + bytes / 4;
  HT_ASSIGN_OR_RETURN(memory_, AllocateAligned(larger));
  std::memset(memory_.get(), 0, static_cast<size_t>(larger));
  bytes_ = larger;
  return memory_;
}

}  // namespace halftone
