#include "server/jobs/retention.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::HasSubstr;

TEST(RetentionTest, ReadsAgesAndSizes) {
  const absl::StatusOr<Keep> both = ParseKeep("1.5d,2GiB");
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_EQ(both->age, absl::Hours(36));
  EXPECT_EQ(both->bytes, int64_t{2} << 30);
  EXPECT_EQ(ParseKeep("500MB,12h")->age, absl::Hours(12));
  EXPECT_EQ(ParseKeep("12h")->bytes, Keep().bytes);
  EXPECT_EQ(ParseKeep("500MB")->bytes, 500'000'000);
  EXPECT_EQ(ParseKeep("500MB")->age, absl::InfiniteDuration());
  EXPECT_EQ(ParseKeep("0s")->age, absl::ZeroDuration());
  EXPECT_EQ(ParseKeep("forever")->age, absl::InfiniteDuration());
}

TEST(RetentionTest, NamesWhatIsNeither) {
  for (const char* text : {"", "30", "d", "-1d", "-5h", "inf", "30d,", "1d,2d", "1GB,2GB",
                           "1GB,2d,3d", "30d,1e30GiB", "nan", "nand", "30 days", "forever,1d"}) {
    const absl::Status status = ParseKeep(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
}

TEST(RetentionTest, TextsAreReadBack) {
  for (const char* text : {"30d,50GiB", "36h", "7B", "forever"}) {
    const absl::StatusOr<Keep> keep = ParseKeep(text);
    ASSERT_TRUE(keep.ok()) << keep.status();
    EXPECT_EQ(KeepText(*keep), text);
  }
}

}  // namespace
}  // namespace halftone
