#include "tests/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace halftone::testing {
namespace {

// Initialized before anything runs: memory is allocated before main.
constinit std::atomic<int64_t> live = 0;
constinit std::atomic<int64_t> peak = 0;

}  // namespace

PeakAllocation::PeakAllocation() : before_(live.load()) { peak.store(before_); }

void PeakAllocation::Restart() { peak.store(live.load()); }

int64_t PeakAllocation::Bytes() const { return peak.load() - before_; }

void ExpectEstimates(double estimate, double allocated, const std::string& name) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "a sanitizer allocates";
  EXPECT_GE(estimate, 0.9 * allocated) << name;
  EXPECT_LE(estimate, 2.5 * allocated) << name;
  ::testing::Test::RecordProperty(name, absl::StrCat(estimate / allocated));
}

}  // namespace halftone::testing

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

bool halftone::testing::AllocationsAreCounted() { return false; }

#else

bool halftone::testing::AllocationsAreCounted() { return true; }

namespace {

void* Counted(void* memory) {
  using halftone::testing::live;
  using halftone::testing::peak;
  if (memory == nullptr) return memory;
  const auto bytes = static_cast<int64_t>(::malloc_usable_size(memory));
  const int64_t now = live.fetch_add(bytes) + bytes;
  int64_t most = peak.load();
  while (now > most && !peak.compare_exchange_weak(most, now)) {
  }
  return memory;
}

void Uncount(void* memory) {
  if (memory == nullptr) return;
  halftone::testing::live.fetch_sub(static_cast<int64_t>(::malloc_usable_size(memory)));
}

}  // namespace

// The C library's own, by the names under which it keeps them for those who replace them.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(size_t size) noexcept;
void* __libc_calloc(size_t count, size_t size) noexcept;
void* __libc_realloc(void* memory, size_t size) noexcept;
void* __libc_memalign(size_t alignment, size_t size) noexcept;
void __libc_free(void* memory) noexcept;
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(size_t size) noexcept { return Counted(__libc_malloc(size)); }

void* calloc(size_t count, size_t size) noexcept { return Counted(__libc_calloc(count, size)); }

void* realloc(void* memory, size_t size) noexcept {
  const auto before = static_cast<int64_t>(memory == nullptr ? 0 : ::malloc_usable_size(memory));
  void* const moved = __libc_realloc(memory, size);
  // What could not be enlarged is still there.
  if (moved != nullptr || size == 0) halftone::testing::live.fetch_sub(before);
  return Counted(moved);
}

void* memalign(size_t alignment, size_t size) noexcept {
  return Counted(__libc_memalign(alignment, size));
}

void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return Counted(__libc_memalign(alignment, size));
}

int posix_memalign(void** memory, size_t alignment, size_t size) noexcept {
  void* const made = Counted(__libc_memalign(alignment, size));
  if (made == nullptr) return ENOMEM;
  *memory = made;
  return 0;
}

void free(void* memory) noexcept {
  Uncount(memory);
  __libc_free(memory);
}
}

#endif
