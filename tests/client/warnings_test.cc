#include "client/warnings.h"

#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(WarningsTest, RowsThatSayTheSameShareALine) {
  Warnings warnings;
  warnings.Add("conv1", "busy");
  warnings.Add("conv2", "");
  warnings.Add("conv3", "busy");
  warnings.Add("fc", "ref");
  EXPECT_EQ(warnings.Render(), "warning: conv1 and 1 more: busy\nwarning: fc: ref\n");
}

TEST(WarningsTest, NothingToWarnOfPrintsNothing) {
  Warnings warnings;
  warnings.Add("conv1", "");
  EXPECT_EQ(warnings.Render(), "");
}

}  // namespace
}  // namespace halftone
