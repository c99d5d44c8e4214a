#include "base/thread_limit.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(ThreadLimitTest, IsTheMachines) {
  EXPECT_GE(MostThreads(), 2);
  for (const int threads : {0, 1, 2, MostThreads()}) EXPECT_TRUE(CheckThreads(threads).ok());
  for (const int threads : {MostThreads() + 1, 1 << 30}) {
    const absl::Status status = CheckThreads(threads);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                testing::StartsWith(absl::StrCat(threads, " threads are more than ")));
  }
}

}  // namespace
}  // namespace halftone
