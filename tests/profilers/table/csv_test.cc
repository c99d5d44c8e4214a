#include "profilers/table/csv.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Error(absl::string_view text, size_t most_records = 100) {
  const absl::Status status = ParseCsv(text, most_records).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

TEST(CsvTest, FieldsMayHoldWhateverIsQuoted) {
  const auto records = ParseCsv("a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n,\"\"", 100);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  EXPECT_THAT((*records)[0].fields, ElementsAre("a", "b"));
  EXPECT_THAT((*records)[1].fields, ElementsAre("x, \"y\"\nz", "2"));
  EXPECT_THAT((*records)[2].fields, ElementsAre("", ""));
}

TEST(CsvTest, LinesAreThoseOfTheFile) {
  const auto records = ParseCsv(
      "\xEF\xBB\xBF"
      "a\n\"two\nlines\"\n\n\nb\n",
      100);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 3u);
  EXPECT_EQ((*records)[0].line, 1u);
  EXPECT_EQ((*records)[0].fields[0], "a");
  EXPECT_EQ((*records)[1].line, 2u);
  EXPECT_EQ((*records)[2].line, 6u);
}

TEST(CsvTest, AnEmptyFileHasNoRecords) {
  EXPECT_TRUE(ParseCsv("", 100)->empty());
  EXPECT_TRUE(ParseCsv("\n\r\n", 100)->empty());
}

TEST(CsvTest, MalformedRecordsAreNamedByTheirLine) {
  EXPECT_EQ(Error("a,b\n1,2\n3"), "line 3: has 1 fields, the header 2");
  EXPECT_EQ(Error("a\n\"open\n\n"), "line 2: a quote is opened and never closed");
  EXPECT_THAT(Error("a\nx\"y"), HasSubstr("line 2: a quote inside a field"));
  EXPECT_EQ(Error("a\n\"x\"y"), "line 2: text after a closing quote");
  EXPECT_EQ(Error(absl::string_view("a\n\0", 3)), "line 2: a zero byte");
  EXPECT_EQ(Error("a\nb\nc\n", 2), "line 3: more than 2 records");
  EXPECT_THAT(Error(std::string(5000, ',')), HasSubstr("line 1: too many fields"));
}

}  // namespace
}  // namespace halftone
