#include "nn/engine/onednn/arena.h"

#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

bool Overlap(const BufferLifetime& a, int64_t a_offset, const BufferLifetime& b, int64_t b_offset) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = a_offset < b_offset + b.bytes && b_offset < a_offset + a.bytes;
  return in_time && in_space;
}

TEST(ArenaTest, BuffersThatLiveTogetherLieApart) {
  SplitMix64 random(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<BufferLifetime> buffers;
    for (int i = 0; i < 60; ++i) {
      const int first = static_cast<int>(random() % 40);
      buffers.push_back({1 + static_cast<int64_t>(random() % 5000), first,
                         first + static_cast<int>(random() % 9)});
    }
    const ArenaPlan plan = PlanArena(buffers);
    ASSERT_EQ(plan.offsets.size(), buffers.size());
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % kBufferAlignment, 0);
      EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.bytes);
      for (size_t j = 0; j < i; ++j) {
        EXPECT_FALSE(Overlap(buffers[i], plan.offsets[i], buffers[j], plan.offsets[j]));
      }
    }
  }
}

TEST(ArenaTest, BuffersThatLiveApartShareMemory) {
  std::vector<BufferLifetime> chain;
  for (int i = 0; i < 100; ++i) chain.push_back({1024, i, i + 1});
  EXPECT_EQ(PlanArena(chain).bytes, 2048);
}

TEST(ArenaTest, EmptyBuffersNeedNothing) {
  const std::vector<BufferLifetime> buffers = {{0, 0, 9}, {64, 3, 4}};
  EXPECT_EQ(PlanArena(buffers).bytes, 64);
  EXPECT_EQ(PlanArena({}).bytes, 0);
}

TEST(ArenaTest, ASharedArenaStaysWhereItIsWhileItIsLargeEnough) {
  SharedArena arena;
  const auto first = arena.Reserve(1'000);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ((*first).get()[999], std::byte{0});
  EXPECT_EQ(*arena.Reserve(10), *first);
  const auto larger = arena.Reserve(100'000);
  ASSERT_TRUE(larger.ok()) << larger.status();
  EXPECT_NE(*larger, *first);
  // Those who have the smaller one keep it.
  EXPECT_EQ((*first).get()[999], std::byte{0});
  EXPECT_EQ((*larger).get()[99'999], std::byte{0});
}

TEST(ArenaTest, AllocationsAreAlignedAndBounded) {
  const auto memory = AllocateAligned(100);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->get()) % kBufferAlignment, 0u);
  EXPECT_EQ(AllocateAligned(int64_t{1} << 60).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(AllocateAligned(-1).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace halftone
