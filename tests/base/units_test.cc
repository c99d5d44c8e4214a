#include "base/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace halftone {
namespace {

TEST(ParseQuantity, ReadsEveryUnit) {
  EXPECT_DOUBLE_EQ(*ParseQuantity(Quantity::kTime, "4ms"), 4e6);
  EXPECT_DOUBLE_EQ(*ParseQuantity(Quantity::kTime, "1.5 us"), 1500);
  EXPECT_DOUBLE_EQ(*ParseQuantity(Quantity::kSize, "300KB"), 300e3);
  EXPECT_DOUBLE_EQ(*ParseQuantity(Quantity::kSize, "2 MiB"), 2 * 1024.0 * 1024.0);
  EXPECT_DOUBLE_EQ(*ParseQuantity(Quantity::kEnergy, "2mJ"), 2e9);
  EXPECT_DOUBLE_EQ(*ParseQuantity(Quantity::kCount, "3G"), 3e9);
  EXPECT_DOUBLE_EQ(*ParseQuantity(Quantity::kTime, "1e3"), 1000);
}

TEST(ParseQuantity, RefusesWhatIsNoQuantity) {
  for (const char* text : {"", "ms", "4 parsecs", "-1ms", "nan", "inf", "1e400s", "4ms4", "4MS"}) {
    const auto parsed = ParseQuantity(Quantity::kTime, text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), testing::HasSubstr(text));
  }
}

TEST(FormatQuantityUp, IsNotBelowWhatItWas) {
  EXPECT_EQ(FormatQuantityUp(Quantity::kTime, 100'040, 100'044), "100.04 us");
  EXPECT_EQ(FormatQuantityUp(Quantity::kTime, 100'040, 101'000), "101 us");
  EXPECT_EQ(FormatQuantityUp(Quantity::kTime, 1'234'567, 1'240'000), "1.24 ms");
  EXPECT_EQ(FormatQuantityUp(Quantity::kCount, 3, 3), "3");
  for (const double value : {123'457.0, 0.1, 99'999.9, 1e-3, 4.35e11}) {
    const std::string text = FormatQuantityUp(Quantity::kSize, value, value * (1 + 1e-12));
    const absl::StatusOr<double> read = ParseQuantity(Quantity::kSize, text);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_GE(*read, value) << text;
    EXPECT_LE(*read, value * (1 + 1e-12)) << text;
  }
}

TEST(FormatQuantity, ReadsWell) {
  EXPECT_EQ(FormatQuantity(Quantity::kTime, 1'240'000), "1.24 ms");
  EXPECT_EQ(FormatQuantity(Quantity::kTime, 812), "812 ns");
  EXPECT_EQ(FormatQuantity(Quantity::kSize, 311'296), "311 KB");
  EXPECT_EQ(FormatQuantity(Quantity::kSize, 0), "0 B");
  EXPECT_EQ(FormatQuantity(Quantity::kCount, 80'000'000), "80.0 M");
}

}  // namespace
}  // namespace halftone
