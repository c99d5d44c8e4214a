#include "base/json_memory.h"

#include <string>

#include "gtest/gtest.h"

namespace halftone {
namespace {

TEST(JsonMemoryTest, CountsWhatATextConsistsOf) {
  const JsonCounts counts = CountJson(
      R"({"a": [1, -2.5E+3, true, null, "x:{\"["], "a name that is long": {"b": "\\"}, "c": []})");
  EXPECT_EQ(counts.objects, 2u);
  EXPECT_EQ(counts.arrays, 2u);
  EXPECT_EQ(counts.members, 4u);
  EXPECT_EQ(counts.texts, 2u);
  EXPECT_EQ(counts.scalars, 4u);
  EXPECT_EQ(counts.long_texts, 1u);
  EXPECT_EQ(counts.values(), 10u);
  EXPECT_EQ(counts.elements(), 6u) << "five, and the document itself";
}

TEST(JsonMemoryTest, SpaceIsNothing) {
  EXPECT_EQ(JsonBytes(CountJson(" [1,\n 2]" + std::string(1000, ' '))),
            JsonBytes(CountJson("[1,2]")));
}

TEST(JsonMemoryTest, CountsNoFurtherThanIsRead) {
  std::string text = "[";
  for (int i = 0; i < 1000; ++i) text += "0,";
  JsonLimits limits;
  limits.max_values = 100;
  EXPECT_EQ(CountJson(text, limits).values(), 101u);
}

TEST(JsonMemoryTest, WhatIsNoJsonIsCountedToItsEnd) {
  for (const char* text : {"", ":", "\"", "\"\\", "}:]\"a\":::", "-"}) {
    EXPECT_LE(CountJson(text).values(), 2u) << text;
  }
}

}  // namespace
}  // namespace halftone
