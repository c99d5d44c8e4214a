#include "base/svg_plot.h"

#include <vector>

#include "base/infinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using testing::HasSubstr;

TEST(SvgPlotTest, AnAxisCoversWholeDecades) {
  const std::vector<double> values = {0.02, 3, 40};
  const LogAxis axis(values, 100, 500);
  EXPECT_EQ(axis.low(), -2);
  EXPECT_EQ(axis.high(), 2);
  EXPECT_DOUBLE_EQ(axis.At(0.01), 100);
  EXPECT_DOUBLE_EQ(axis.At(1), 300);
  EXPECT_DOUBLE_EQ(axis.At(100), 500);
}

TEST(SvgPlotTest, AnInfiniteValueIsAtTheEndAndMakesNoDecades) {
  const LogAxis axis(std::vector<double>{1, kInfinity, 100}, 0, 10);
  EXPECT_EQ(axis.low(), 0);
  EXPECT_EQ(axis.high(), 2);
  EXPECT_DOUBLE_EQ(axis.At(kInfinity), 10);
}

TEST(SvgPlotTest, WhatIsNothingOrFarBelowIsAtTheBegin) {
  const std::vector<double> values = {1e-30, 0, -1, 10};
  const LogAxis axis(values, 0, 9);
  EXPECT_EQ(axis.low(), -8);
  EXPECT_EQ(axis.At(1e-30), 0);
  EXPECT_EQ(axis.At(0), 0);
  EXPECT_EQ(axis.At(1e9), 9);
  const LogAxis none(std::vector<double>{}, 0, 1);
  EXPECT_LT(none.low(), none.high());
}

TEST(SvgPlotTest, DecadesAreDrawnAndNamed) {
  const LogAxis axis(std::vector<double>{1, 100}, 10, 210);
  const PlotFrame frame = {10, 20, 210, 120};
  EXPECT_THAT(DecadesUpward(axis, frame), HasSubstr("M110.0 20.0V120.0"));
  EXPECT_THAT(DecadesUpward(axis, frame), HasSubstr(">1e2</text>"));
  EXPECT_THAT(DecadesAcross(axis, frame), HasSubstr("M10.0 110.0H210.0"));
}

TEST(SvgPlotTest, TextIsEscaped) {
  EXPECT_THAT(PlotText(1, 2, "end", "a<b & \"c\""), HasSubstr("a&lt;b &amp; &quot;c&quot;"));
  EXPECT_THAT(OpenPlot(10, 20, "<x>"), HasSubstr("viewBox=\"0 0 10 20\""));
  EXPECT_THAT(OpenPlot(10, 20, "<x>"), testing::Not(HasSubstr("<x>")));
}

}  // namespace
}  // namespace halftone
