#include "base/enum_names.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

enum class Colour { kRed, kGreen, kBlue };
constexpr EnumName<Colour> kColours[] = {{Colour::kRed, "red"}, {Colour::kGreen, "green"}};
constexpr EnumNames<Colour> kColourNames("colour", kColours);

TEST(EnumNamesTest, TextsAndValuesGiveEachOther) {
  for (const EnumName<Colour>& entry : kColourNames.entries()) {
    EXPECT_EQ(kColourNames.NameOf(entry.value), entry.name);
    EXPECT_EQ(kColourNames.Parse(entry.name).value(), entry.value);
  }
  EXPECT_EQ(kColourNames.entries().size(), 2u);
}

TEST(EnumNamesTest, WhatIsUnknownIsNamedWithWhatThereIs) {
  const absl::Status status = kColourNames.Parse("blue").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "unknown colour 'blue'; there are red, green");
  EXPECT_FALSE(kColourNames.Parse("Red").ok());
  EXPECT_FALSE(kColourNames.Parse("").ok());
  EXPECT_EQ(kColourNames.NameOf(Colour::kBlue), "unknown");
  EXPECT_LT(kColourNames.Parse(std::string(100'000, 'x')).status().message().size(), 400u);
}

}  // namespace
}  // namespace halftone
