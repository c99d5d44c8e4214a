#include "base/shown_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(QuotedTest, LongTextsAreCut) {
  EXPECT_EQ(Quoted(""), "''");
  EXPECT_EQ(Quoted("conv1"), "'conv1'");
  EXPECT_EQ(Quoted(std::string(256, 'x')), "'" + std::string(256, 'x') + "'");
  EXPECT_EQ(Quoted(std::string(1'000'000, 'x')),
            "'" + std::string(64, 'x') + "...' (1000000 bytes)");
}

TEST(LogLineTest, IsOnePrintableLineOfBoundedLength) {
  EXPECT_EQ(LogLine("all is well"), "all is well");
  EXPECT_EQ(LogLine("a\nb\tc\x1b[31m\xc3\xa9"), "a b c?[31m??");
  EXPECT_EQ(LogLine(std::string(1024, 'x')), std::string(1024, 'x'));
  EXPECT_EQ(LogLine(std::string(1'000'000, 'x')), std::string(1019, 'x') + "[...]");
}

}  // namespace
}  // namespace halftone
