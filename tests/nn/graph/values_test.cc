// Shapes, element types and tensors.
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/half.h"
#include "nn/graph/shape.h"
#include "nn/graph/tensor.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;

TEST(ShapeTest, CountsAndPrints) {
  EXPECT_EQ((Shape{2, 3, 4}).Elements(), 24);
  EXPECT_EQ(Shape{}.Elements(), 1);
  EXPECT_EQ((Shape{2, 0, 4}).Elements(), 0);
  EXPECT_EQ((Shape{Shape::kDynamic, 16}).ToString(), "[N, 16]");
  EXPECT_FALSE((Shape{Shape::kDynamic, 16}).IsStatic());
}

TEST(ShapeTest, RefusesWhatIsTooLarge) {
  EXPECT_TRUE((Shape{1 << 16, 1 << 16}).Check().ok());
  EXPECT_FALSE((Shape{1 << 16, 1 << 16, 2}).Check().ok());
  EXPECT_FALSE((Shape{int64_t{1} << 62, int64_t{1} << 62}).Check().ok());
  EXPECT_FALSE((Shape{0, int64_t{1} << 40}).Check().ok()) << "products of some axes overflow";
  EXPECT_FALSE((Shape{-3}).Check().ok());
  EXPECT_FALSE(Shape(std::vector<int64_t>(13, 1)).Check().ok());
}

TEST(ShapeTest, BroadcastsAsNumpyDoes) {
  EXPECT_EQ(*BroadcastShapes({2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(*BroadcastShapes({}, {5}), (Shape{5}));
  EXPECT_EQ(*BroadcastShapes({0}, {1}), (Shape{0}));
  EXPECT_FALSE(BroadcastShapes({2}, {3}).ok());
}

TEST(ShapeTest, NormalizesAxes) {
  EXPECT_EQ(*NormalizeAxis(-1, 4), 3);
  EXPECT_EQ(*NormalizeAxis(3, 4), 3);
  EXPECT_FALSE(NormalizeAxis(4, 4).ok());
  EXPECT_FALSE(NormalizeAxis(-5, 4).ok());
}

TEST(HalfTest, Float16RoundTripsEveryValue) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = Float16ToFloat(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(Float16ToFloat(FloatToFloat16(value))));
    } else {
      ASSERT_EQ(FloatToFloat16(value), half) << bits;
    }
  }
}

TEST(HalfTest, Float16KnownValuesAndRounding) {
  EXPECT_EQ(Float16ToFloat(0x3c00), 1.0f);
  EXPECT_EQ(Float16ToFloat(0xc000), -2.0f);
  EXPECT_EQ(Float16ToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(Float16ToFloat(0x7bff), 65504.0f);
  EXPECT_EQ(FloatToFloat16(65519.0f), 0x7bff);
  EXPECT_EQ(FloatToFloat16(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToFloat16(1e30f), 0x7c00);
  EXPECT_EQ(FloatToFloat16(1.0f + 0x1p-11f), 0x3c00) << "a tie goes to even";
  EXPECT_EQ(FloatToFloat16(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(FloatToFloat16(0x1p-25f), 0x0000);
  EXPECT_EQ(FloatToFloat16(3 * 0x1p-25f), 0x0002);
}

TEST(HalfTest, BFloat16RoundsToNearestEven) {
  EXPECT_EQ(BFloat16ToFloat(0x3f80), 1.0f);
  EXPECT_EQ(FloatToBFloat16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(FloatToBFloat16(1.0f + 3 * 0x1p-8f), 0x3f82);
  EXPECT_EQ(FloatToBFloat16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(std::nanf("")))));
}

TEST(TensorTest, ConvertsBetweenTypes) {
  const std::vector<int64_t> ints = {-1, 0, 300};
  EXPECT_THAT(*Tensor::FromInts(DataType::kInt32, {3}, ints).ToInts(), ElementsAre(-1, 0, 300));
  EXPECT_THAT(*Tensor::FromInts(DataType::kInt8, {3}, ints).ToInts(), ElementsAre(-1, 0, 44));
  EXPECT_THAT(*Tensor::FromInts(DataType::kUint8, {3}, ints).ToInts(), ElementsAre(255, 0, 44));
  EXPECT_THAT(*Tensor::FromInts(DataType::kBool, {3}, ints).ToInts(), ElementsAre(1, 0, 1));
  EXPECT_THAT(*Tensor::FromInts(DataType::kInt16, {3}, ints).ToInts(), ElementsAre(-1, 0, 300));
  const std::vector<double> floats = {0.5, -2};
  for (const DataType type :
       {DataType::kFloat32, DataType::kFloat64, DataType::kFloat16, DataType::kBFloat16}) {
    const Tensor tensor = Tensor::FromDoubles(type, {2}, floats);
    EXPECT_EQ(tensor.size_bytes(), 2 * SizeOf(type));
    EXPECT_THAT(*tensor.ToFloats(), ElementsAre(0.5f, -2.0f)) << DataTypeName(type);
    EXPECT_FALSE(tensor.ToInts().ok());
  }
  EXPECT_FALSE(Tensor::Scalar(int64_t{1}).ToFloats().ok());
}

TEST(TensorTest, CopiesAndReshapesShareElements) {
  const Tensor tensor = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor reshaped = tensor.Reshaped({3, 2});
  EXPECT_EQ(reshaped.bytes().data(), tensor.bytes().data());
  EXPECT_EQ(reshaped.shape(), (Shape{3, 2}));
}

}  // namespace
}  // namespace halftone
