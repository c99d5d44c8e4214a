#include "server/services/unread_results.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::HasSubstr;

AnalysisDocument Document(size_t json_bytes, size_t npz_bytes = 0) {
  return {std::string(json_bytes, 'j'), std::string(npz_bytes, 'n')};
}

bool IsThere(UnreadResults::Reader& reader) { return reader.Next(1).ok(); }

TEST(UnreadResultsTest, AreReadInPieces) {
  UnreadResults results(100);
  const auto reader = results.Keep(Document(5, 9));
  AnalysisDocument whole;
  int pieces = 0;
  while (true) {
    const absl::StatusOr<std::optional<AnalysisDocument>> piece = reader->Next(4);
    ASSERT_TRUE(piece.ok()) << piece.status();
    if (!piece->has_value()) break;
    whole.json += (*piece)->json;
    whole.arrays_npz += (*piece)->arrays_npz;
    ++pieces;
  }
  EXPECT_EQ(whole.json, std::string(5, 'j'));
  EXPECT_EQ(whole.arrays_npz, std::string(9, 'n'));
  EXPECT_EQ(pieces, 3);
}

TEST(UnreadResultsTest, WhoHasReadNothingForLongestLosesItsResult) {
  UnreadResults results(100);
  const auto a = results.Keep(Document(20, 20)), b = results.Keep(Document(40));
  EXPECT_TRUE(IsThere(*a)) << "and is now the one that has read last";
  const auto c = results.Keep(Document(40));
  EXPECT_TRUE(IsThere(*a));
  EXPECT_TRUE(IsThere(*c));
  const absl::Status lost = b->Next(1).status();
  EXPECT_TRUE(absl::IsResourceExhausted(lost)) << lost;
  EXPECT_THAT(std::string(lost.message()), HasSubstr("not read"));
}

TEST(UnreadResultsTest, WhatWasReadMakesRoom) {
  UnreadResults results(100);
  auto a = results.Keep(Document(60));
  a.reset();
  const auto b = results.Keep(Document(60)), c = results.Keep(Document(40));
  EXPECT_TRUE(IsThere(*b));
  EXPECT_TRUE(IsThere(*c));
}

TEST(UnreadResultsTest, OneMayBeLargerThanTheLimit) {
  UnreadResults results(100);
  const auto small = results.Keep(Document(10)), large = results.Keep(Document(500));
  EXPECT_TRUE(IsThere(*large));
  EXPECT_FALSE(IsThere(*small));
  const auto next = results.Keep(Document(10));
  EXPECT_FALSE(IsThere(*large));
  EXPECT_TRUE(IsThere(*next));
}

}  // namespace
}  // namespace halftone
