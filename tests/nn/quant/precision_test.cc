#include "nn/quant/precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Precision, ReadsAndWritesEveryForm) {
  for (const char* text :
       {"f32", "bf16", "w8a8", "w4a8", "w1a1", "w16a16", "w10a3", "w4", "w16", "a8", "a1"}) {
    const auto precision = Precision::Parse(text);
    ASSERT_TRUE(precision.ok()) << text << ": " << precision.status();
    EXPECT_EQ(precision->ToString(), text);
  }
  EXPECT_EQ(*Precision::Parse("w4a8"), Precision::Int(4, 8));
  EXPECT_TRUE(Precision::Parse("f32")->IsFloat32());
  const Precision weight_only = *Precision::Parse("w4");
  EXPECT_EQ(weight_only.weights, NumberFormat::Integer(4));
  EXPECT_EQ(weight_only.activations.kind, NumberFormat::Kind::kFloat32);
  const Precision activations_only = *Precision::Parse("a8");
  EXPECT_EQ(activations_only.weights.kind, NumberFormat::Kind::kFloat32);
  EXPECT_EQ(activations_only.activations, NumberFormat::Integer(8));
  EXPECT_EQ(Precision::Parse("bf16")->weights.bits, 16);
}

TEST(Precision, RefusesEverythingElse) {
  for (const char* text : {"",
                           "w",
                           "w0",
                           "w17",
                           "w08a8",
                           "w8a",
                           "w8a0",
                           "w8a17",
                           "a",
                           "a0",
                           "a17",
                           "a8w8",
                           "W8A8",
                           "w8a8x",
                           " w8a8",
                           "w8 a8",
                           "w-8a8",
                           "f16",
                           "f32x",
                           "int8",
                           "w99999999999999999999",
                           "w8a99999999999999999999",
                           "w8a8a8"}) {
    const auto precision = Precision::Parse(text);
    EXPECT_EQ(precision.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(precision.status().message()), HasSubstr(absl::StrCat("'", text, "'")));
  }
}

TEST(Precision, ReadsLists) {
  EXPECT_THAT(*ParsePrecisions("w4a4,w8a8,f32"),
              ElementsAre(Precision::Int(4, 4), Precision::Int(8, 8), Precision::Float32()));
  EXPECT_FALSE(ParsePrecisions("").ok());
  EXPECT_FALSE(ParsePrecisions("w4a4,").ok());
  const auto twice = ParsePrecisions("w4a4,f32,w4a4");
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("'w4a4' is given twice"));
}

}  // namespace
}  // namespace halftone
