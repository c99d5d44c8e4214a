#include "search/solver/plane_maximum.h"

#include <algorithm>
#include <vector>

#include "base/infinity.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

struct Plane {
  double height = 0;
  std::vector<double> slopes;
};

double HeightAt(const std::vector<Plane>& planes, const std::vector<double>& point) {
  double least = kInfinity;
  for (const Plane& plane : planes) {
    double height = plane.height;
    for (size_t k = 0; k < point.size(); ++k) height += plane.slopes[k] * point[k];
    least = std::min(least, height);
  }
  return least;
}

TEST(PlaneMaximumTest, OnePlaneIsHighestInACorner) {
  PlaneMaximum planes;
  planes.Reset(2);
  planes.SetBox({0, 1}, {2, 4});
  planes.AddPlane(10, {3, -2});
  EXPECT_DOUBLE_EQ(planes.Maximize(), 10 + 3 * 2 - 2 * 1);
  EXPECT_DOUBLE_EQ(planes.point()[0], 2);
  EXPECT_DOUBLE_EQ(planes.point()[1], 1);
  EXPECT_TRUE(planes.IsAtASide());
}

TEST(PlaneMaximumTest, PlanesMeetWithinTheBox) {
  PlaneMaximum planes;
  planes.Reset(1);
  planes.SetBox({0}, {10});
  planes.AddPlane(0, {1});
  planes.AddPlane(6, {-1});
  EXPECT_DOUBLE_EQ(planes.Maximize(), 3);
  EXPECT_DOUBLE_EQ(planes.point()[0], 3);
  EXPECT_FALSE(planes.IsAtASide());
  planes.SetBox({0}, {2});  // the planes stay
  EXPECT_DOUBLE_EQ(planes.Maximize(), 2);
  EXPECT_TRUE(planes.IsAtASide());
}

// A concave function's maximum is where no point around it is higher, so that points at random
// cannot be; and its height is that of the planes.
TEST(PlaneMaximumTest, NothingIsHigher) {
  SplitMix64 random(3);
  for (size_t dimensions = 1; dimensions <= PlaneMaximum::kMostDimensions; ++dimensions) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      SCOPED_TRACE(testing::Message() << dimensions << " dimensions, problem " << repeat);
      PlaneMaximum planes;
      planes.Reset(dimensions);
      const std::vector<double> low(dimensions, 0.5), high(dimensions, 2.0);
      planes.SetBox(low, high);
      std::vector<Plane> all;
      for (int p = 0; p < 14; ++p) {
        Plane plane{random.Uniform(), {}};
        for (size_t k = 0; k < dimensions; ++k) plane.slopes.push_back(random.Uniform() - 0.5);
        planes.AddPlane(plane.height, plane.slopes);
        all.push_back(plane);
        const double height = planes.Maximize();
        ASSERT_NEAR(height, HeightAt(all, planes.point()), 1e-9);
        for (int i = 0; i < 50; ++i) {
          std::vector<double> other = planes.point();
          const double reach = i % 2 == 0 ? 0.01 : 1.5;
          for (size_t k = 0; k < dimensions; ++k) {
            other[k] = std::clamp(other[k] + reach * (random.Uniform() - 0.5), low[k], high[k]);
          }
          ASSERT_LE(HeightAt(all, other), height + 1e-9);
        }
      }
    }
  }
}

// Planes that are the same, or the same but for rounding, leave nothing to divide by.
TEST(PlaneMaximumTest, EqualPlanesEndInTheBox) {
  PlaneMaximum planes;
  planes.Reset(2);
  planes.SetBox({1, 1}, {2, 2});
  for (int p = 0; p < 5; ++p) {
    planes.AddPlane(1 + 1e-17 * p, {0, 0});
    planes.AddPlane(1, {1e-300, -1e-300});
    planes.Maximize();
    for (const double value : planes.point()) {
      EXPECT_GE(value, 1);
      EXPECT_LE(value, 2);
    }
  }
}

}  // namespace
}  // namespace halftone
