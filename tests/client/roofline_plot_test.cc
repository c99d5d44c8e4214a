#include "client/roofline_plot.h"

#include "client/accelerator_text.h"
#include "client/analysis_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// 1e9 bytes per second; two roofs of which a layer touches the slope, and one the peak.
json Profile() {
  return json::parse(R"json({
    "target": "mine", "device": {"name": "test <machine>", "isa": "roofline"},
    "roofline": {"memory_bytes_per_second": 1e9,
                 "roofs": [{"precision": "w8a8", "operations_per_second": 1e11},
                           {"precision": "w4a4", "operations_per_second": 4e11}]},
    "layers": [
      {"name": "a<b>", "precision": "w8a8", "executed_as": "w8a8", "latency_ns": 1000,
       "operations": 10000, "memory_bytes": 1000, "utilization": 0.1, "bound": "memory",
       "cycles": 500, "energy_pj": 2000, "weight_bytes": 64,
       "energy": {"arithmetic_pj": 200, "buffer_pj": 600, "dram_pj": 1200}},
      {"name": "fc", "precision": "w4a4", "executed_as": "w8a8", "latency_ns": 1000,
       "operations": 400000, "memory_bytes": 1000, "utilization": 1, "bound": "compute",
       "cycles": null, "energy_pj": null, "weight_bytes": 32}],
    "network": []})json");
}

TEST(RooflinePlotTest, ShowsRoofsAndPoints) {
  const auto svg = RooflineSvg(Profile());
  ASSERT_TRUE(svg.ok()) << svg.status();
  EXPECT_THAT(*svg, AllOf(HasSubstr("<svg"), HasSubstr("</svg>"), HasSubstr("w8a8  100 Gop/s"),
                          HasSubstr("w4a4  400 Gop/s"), HasSubstr("1.00 GB/s")));
  EXPECT_THAT(*svg, HasSubstr("a&lt;b&gt;, w8a8: 10 op/byte, 10.0 Gop/s, 10.0 % of the peak"));
  EXPECT_THAT(*svg, HasSubstr("fc, w4a4: 400 op/byte, 400 Gop/s, 100.0 % of the peak"));
  EXPECT_THAT(*svg, Not(HasSubstr("nan")));
}

// A layer at its roof is drawn on it: the peak's line ends at the right edge, at the point's
// height.
TEST(RooflinePlotTest, APointAtThePeakLiesOnItsRoof) {
  const auto svg = RooflineSvg(Profile());
  ASSERT_TRUE(svg.ok()) << svg.status();
  const size_t title = svg->find("<title>fc");
  const size_t circle = svg->rfind("cy=\"", title) + 4;
  const std::string height = svg->substr(circle, svg->find('"', circle) - circle);
  EXPECT_THAT(*svg, HasSubstr(" " + height + "H710.0\""));
}

TEST(RooflinePlotTest, APageHasTheFiguresToo) {
  const auto page = RooflinePage(Profile());
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(*page, AllOf(HasSubstr("<!doctype html>"), HasSubstr("<svg"), HasSubstr("<table>"),
                           HasSubstr("<td class=text>compute")));
}

TEST(RooflinePlotTest, AMeasuredTargetHasNone) {
  json profile = Profile();
  profile.erase("roofline");
  EXPECT_EQ(RooflineSvg(profile).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(RooflinePage(profile).status().message()), HasSubstr("'mine'"));
  profile = Profile();
  profile["layers"] = json::array();
  EXPECT_EQ(RooflineSvg(profile).status().code(), absl::StatusCode::kInvalidArgument);
}

// What is measured would take its time first.
TEST(RooflinePlotTest, WhatCannotBeDrawnIsRefusedBeforeItIsMeasured) {
  EXPECT_TRUE(CheckRoofline("", "cpu").ok());
  EXPECT_TRUE(CheckRoofline("r.svg", "bitfusion").ok());
  EXPECT_TRUE(CheckRoofline("r.html", "mine.json").ok());
  EXPECT_THAT(std::string(CheckRoofline("r.svg", "cpu").message()),
              HasSubstr("'cpu' tells no peaks"));
  EXPECT_THAT(std::string(CheckRoofline("r.png", "bitfusion").message()),
              HasSubstr("must end in .svg or .html"));
}

TEST(RooflinePlotTest, ADocumentOfOtherTypesDoesNoHarm) {
  json profile = Profile();
  profile["layers"][0]["operations"] = nullptr;
  profile["layers"][1]["precision"] = 7;
  EXPECT_EQ(RooflineSvg(profile).status().code(), absl::StatusCode::kInvalidArgument);
  profile["layers"].push_back("x");
  profile["roofline"] = {{"memory_bytes_per_second", "much"}, {"roofs", 3}};
  EXPECT_EQ(RooflineSvg(profile).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RooflineSvg(json(3)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(AcceleratorTable(profile["layers"]), HasSubstr("compute"));
}

TEST(AcceleratorTextTest, SaysWhatBoundsEachLayer) {
  const std::string text = AcceleratorTable(Profile()["layers"]);
  EXPECT_THAT(text, AllOf(HasSubstr("500"), HasSubstr("memory"), HasSubstr("compute"),
                          HasSubstr("10 / 30 / 60 %"), HasSubstr("2.00 nJ")));
  EXPECT_THAT(ProfileText(Profile()), HasSubstr(text));
}

}  // namespace
}  // namespace halftone
