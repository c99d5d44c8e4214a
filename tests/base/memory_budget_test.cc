#include "base/memory_budget.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

class MemoryBudgetTest : public testing::Test {
 protected:
  ~MemoryBudgetTest() override { MemoryBudget::SetLimitBytes(0); }
};

TEST_F(MemoryBudgetTest, IsWhatTheMachineHasUnlessItIsSet) {
  EXPECT_GT(MemoryBudget::MachineBytes(), int64_t{64} << 20);
  EXPECT_EQ(MemoryBudget::LimitBytes(), static_cast<double>(MemoryBudget::MachineBytes()));
  ASSERT_TRUE(MemoryBudget::SetLimit("2GiB").ok());
  EXPECT_EQ(MemoryBudget::LimitBytes(), 2.0 * (1 << 30));
  ASSERT_TRUE(MemoryBudget::SetLimit("3000000").ok());
  EXPECT_EQ(MemoryBudget::LimitBytes(), 3e6);
  for (const char* text : {"0", "-5GB", "many", "1KB", "3ms", "1e30GiB", "1e10GiB"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(MemoryBudget::SetLimit(text))) << text;
  }
  EXPECT_EQ(MemoryBudget::LimitBytes(), 3e6) << "what is refused changes nothing";
}

TEST_F(MemoryBudgetTest, WhatDoesNotFitIsToldWithTheFiguresAndTheRemedy) {
  MemoryBudget::SetLimitBytes(2e9);
  EXPECT_TRUE(CheckMemory("a stage", 2e9, "").ok());
  const absl::Status status = CheckMemory("a stage", 3e9, "take fewer samples");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "a stage needs about 3.00 GB of memory, and the limit is 2.00 GB: take fewer samples");
}

}  // namespace
}  // namespace halftone
