#include "profilers/design_space.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/builtin.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> ValuesOf(const std::string& values) {
  const auto space = DesignSpace::Parse("bitfusion?rows=" + values + "&cols=1,2");
  EXPECT_TRUE(space.ok()) << space.status();
  return space.ok() ? space->axes.front().values : std::vector<std::string>();
}

std::string MistakeIn(const std::string& target) {
  const auto space = DesignSpace::Parse(target);
  EXPECT_EQ(space.status().code(), absl::StatusCode::kInvalidArgument) << target;
  return std::string(space.status().message());
}

class EnumerateTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(RegisterBuiltinProfilers(registry_, nullptr).ok()); }

  absl::StatusOr<std::vector<DesignPoint>> Enumerate(const std::string& target) {
    const auto space = DesignSpace::Parse(target);
    if (!space.ok()) return space.status();
    return EnumerateDesigns(*space,
                            [this](const std::string& name) { return registry_.Create(name); });
  }
  std::string Mistake(const std::string& target) {
    const absl::Status status = Enumerate(target).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << target << ": " << status;
    return std::string(status.message());
  }

  ProfilerRegistry registry_;
};

TEST(DesignSpaceTest, RangesArePowersOfTwoOrSteps) {
  EXPECT_THAT(ValuesOf("8..64"), ElementsAre("8", "16", "32", "64"));
  EXPECT_THAT(ValuesOf("12..70"), ElementsAre("16", "32", "64"));
  EXPECT_THAT(ValuesOf("8..32:8"), ElementsAre("8", "16", "24", "32"));
  EXPECT_THAT(ValuesOf("0.5..2:0.5"), ElementsAre("0.5", "1", "1.5", "2"));
  EXPECT_THAT(ValuesOf("0.1..0.3:0.1"), ElementsAre("0.1", "0.2", "0.3")) << "in spite of rounding";
  EXPECT_THAT(ValuesOf("4,12,100"), ElementsAre("4", "12", "100"));
  EXPECT_THAT(ValuesOf("3,8..16"), ElementsAre("3", "8", "16"));
  EXPECT_THAT(ValuesOf("16..16"), ElementsAre("16"));
}

TEST(DesignSpaceTest, WhatIsNoRangeStaysWithTheBase) {
  const auto space = DesignSpace::Parse("bitfusion?clock_mhz=700&rows=8..64&area<=2.5&power>=0.1");
  ASSERT_TRUE(space.ok()) << space.status();
  EXPECT_EQ(space->base, "bitfusion?clock_mhz=700");
  ASSERT_EQ(space->constraints.size(), 2u);
  EXPECT_EQ(space->constraints[0].figure, "area");
  EXPECT_TRUE(space->constraints[0].at_most);
  EXPECT_EQ(space->constraints[0].limit, 2.5);
  EXPECT_FALSE(space->constraints[1].at_most);
  EXPECT_TRUE(DesignSpace::Describes("bitfusion?area<=2"));
  EXPECT_TRUE(DesignSpace::Describes("bitfusion?rows=8,16"));
  EXPECT_FALSE(DesignSpace::Describes("bitfusion?rows=8"));
  EXPECT_FALSE(DesignSpace::Describes("files/..json"));
}

TEST(DesignSpaceTest, MistakesAreNamed) {
  EXPECT_THAT(MistakeIn("bitfusion?rows=64..8"), HasSubstr("rows=64..8"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=8..many"), HasSubstr("many"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=0..8"), HasSubstr("step"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=9..15"), HasSubstr("no power of two"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=8..64:0"), HasSubstr("step"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=8..64:8:8"), HasSubstr("8..64:8"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=8,,16"), HasSubstr("empty"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=8..64&rows=8"), HasSubstr("twice"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=8..32,16"), HasSubstr("'16' is there twice"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=8,16&area<=2&area<=3"), HasSubstr("area<=3"));
  EXPECT_THAT(MistakeIn("bitfusion?area<=small"), HasSubstr("small"));
  EXPECT_THAT(MistakeIn("bitfusion?<=3"), HasSubstr("figure"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=1..1e18:1"), HasSubstr("more than 4096"));
  EXPECT_THAT(MistakeIn("bitfusion?rows=1..100:1&cols=1..100:1"), HasSubstr("cols=1..100:1"));
  EXPECT_THAT(MistakeIn("bitfusion?" + std::string(5000, 'x')), HasSubstr("4096"));
}

TEST_F(EnumerateTest, AllCombinationsAreTargetsOfTheirOwn) {
  const auto points = Enumerate("bitfusion?clock_mhz=700&rows=8,16&cols=4..16");
  ASSERT_TRUE(points.ok()) << points.status();
  ASSERT_EQ(points->size(), 6u);
  EXPECT_EQ((*points)[1].target, "bitfusion?clock_mhz=700&rows=8&cols=8");
  EXPECT_EQ((*points)[1].profiler->target(), (*points)[1].target);
  const std::map<std::string, std::string> last = {{"rows", "16"}, {"cols", "16"}};
  EXPECT_EQ(points->back().parameters, last);
  EXPECT_EQ(points->back().figures.at("elements"), 256);
}

TEST_F(EnumerateTest, ConstraintsAreOnFiguresOfTheHardware) {
  const auto all = Enumerate("bitfusion?rows=8..64&cols=8..64");
  const auto small = Enumerate("bitfusion?rows=8..64&cols=8..64&area<=1.6&elements>=256");
  ASSERT_TRUE(all.ok() && small.ok()) << small.status();
  size_t expected = 0;
  for (const DesignPoint& point : *all) {
    expected += point.figures.at("area_mm2") <= 1.6 && point.figures.at("elements") >= 256;
  }
  EXPECT_EQ(small->size(), expected);
  EXPECT_GT(expected, 0u);
  EXPECT_LT(expected, all->size());
  for (const DesignPoint& point : *small) EXPECT_LE(point.figures.at("area_mm2"), 1.6);
}

TEST_F(EnumerateTest, MistakesAreNamed) {
  EXPECT_THAT(Mistake("bitfusion?rows=8..64&beauty<=3"), HasSubstr("beauty"));
  EXPECT_THAT(Mistake("nvidia-t4?area<=3"), HasSubstr("buffer_bytes")) << "tells what there is";
  EXPECT_THAT(Mistake("bitfusion?rows=8..64&area<=0"), HasSubstr("no configuration"));
  EXPECT_THAT(Mistake("bitfusion?rows=1..50:1&cols=1..50:1"), HasSubstr("more than 256"));
  EXPECT_THAT(Mistake("bitfusion?beds=1,2"), HasSubstr("beds"));
  EXPECT_THAT(Mistake("bitfusion?rows=16,-3"), HasSubstr("rows"));
}

}  // namespace
}  // namespace halftone
