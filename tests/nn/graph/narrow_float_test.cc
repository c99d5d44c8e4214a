#include "nn/graph/narrow_float.h"

#include <cmath>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/tensor.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Of a format: what its definition says of its ends (OCP OFP8 and MX, tables 1 and 5; Noune et
// al.).
struct FormatCase {
  DataType type;
  int bits;
  float largest, smallest;
  int nans;
  double overflow;  // what is beyond the largest number and not saturated
};
void PrintTo(const FormatCase& test, std::ostream* out) { *out << DataTypeName(test.type); }

class NarrowFloatTest : public ::testing::TestWithParam<FormatCase> {
 protected:
  NarrowFloat format() const { return *NarrowFloatOf(GetParam().type); }
  int patterns() const { return 1 << GetParam().bits; }
  // The numbers from 0 up.
  std::vector<double> Numbers() const {
    std::vector<double> numbers;
    for (int bits = 0; bits < patterns() / 2; ++bits) {
      const float value = format().Decode(static_cast<uint8_t>(bits));
      if (std::isfinite(value)) numbers.push_back(static_cast<double>(value));
    }
    return numbers;
  }
};

TEST_P(NarrowFloatTest, EncodesWhatItDecodes) {
  int nans = 0;
  for (int bits = 0; bits < patterns(); ++bits) {
    const float value = format().Decode(static_cast<uint8_t>(bits));
    const uint8_t again = format().Encode(static_cast<double>(value));
    if (std::isnan(value)) {
      ++nans;
      EXPECT_TRUE(std::isnan(format().Decode(again))) << bits;
    } else {
      EXPECT_EQ(again, bits);
      EXPECT_EQ(format().Round(static_cast<double>(value), false), static_cast<double>(value));
    }
  }
  EXPECT_EQ(nans, GetParam().nans);
}

TEST_P(NarrowFloatTest, HasTheEndsOfItsDefinition) {
  const std::vector<double> numbers = Numbers();
  EXPECT_EQ(numbers.back(), static_cast<double>(GetParam().largest));
  EXPECT_EQ(format().Largest(), GetParam().largest);
  EXPECT_EQ(numbers[0], 0);
  EXPECT_EQ(numbers[1], static_cast<double>(GetParam().smallest));
  for (size_t i = 1; i < numbers.size(); ++i) EXPECT_LT(numbers[i - 1], numbers[i]);
}

TEST_P(NarrowFloatTest, RoundsToTheNearestAndTiesToEven) {
  const std::vector<double> numbers = Numbers();
  for (size_t i = 1; i < numbers.size(); ++i) {
    const double middle = (numbers[i - 1] + numbers[i]) / 2;
    const double even = numbers[i % 2 == 0 ? i : i - 1];  // the last bit is that of the index
    for (const double sign : {1.0, -1.0}) {
      EXPECT_EQ(format().Round(sign * middle, true), sign * even) << i;
      EXPECT_EQ(format().Round(sign * std::nextafter(middle, 0), true), sign * numbers[i - 1]);
      EXPECT_EQ(format().Round(sign * std::nextafter(middle, kInfinity), true), sign * numbers[i]);
    }
  }
}

TEST_P(NarrowFloatTest, SaturatesWhereItIsToldTo) {
  const auto largest = static_cast<double>(GetParam().largest);
  const std::vector<double> numbers = Numbers();
  const double step = largest - numbers[numbers.size() - 2];
  const double beyond = largest + 0.51 * step;
  for (const double value : {beyond, 1e300, kInfinity}) {
    EXPECT_EQ(format().Round(value, true), largest);
    EXPECT_EQ(format().Round(-value, true), -largest);
    const double overflow = format().Round(-value, false);
    if (std::isnan(GetParam().overflow)) {
      EXPECT_TRUE(std::isnan(overflow)) << value;
    } else {
      EXPECT_EQ(overflow, -GetParam().overflow) << value;
    }
  }
  // Nearer to the largest number than to the next that there would be.
  EXPECT_EQ(format().Round(largest + 0.49 * step, false), largest);
}

TEST_P(NarrowFloatTest, KeepsNanAndTheSignOfZeroWhereItHasThem) {
  const bool has_nan = GetParam().nans > 0;
  for (const bool saturate : {false, true}) {
    const double rounded = format().Round(kNan, saturate);
    EXPECT_EQ(std::isnan(rounded), has_nan);
    EXPECT_TRUE(has_nan || rounded == static_cast<double>(GetParam().largest)) << rounded;
  }
  const bool has_minus_zero = format().special != NarrowFloat::Special::kNanOnly;
  EXPECT_EQ(std::signbit(format().Round(-0.0, true)), has_minus_zero);
  EXPECT_EQ(std::signbit(format().Round(-1e-30, true)), has_minus_zero);
  EXPECT_EQ(format().Encode(format().Round(-1e-30, true)), has_minus_zero ? patterns() / 2 : 0);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, NarrowFloatTest,
    ::testing::Values(FormatCase{DataType::kFloat8E4M3Fn, 8, 448, 0x1p-9f, 2, kNan},
                      FormatCase{DataType::kFloat8E4M3Fnuz, 8, 240, 0x1p-10f, 1, kNan},
                      FormatCase{DataType::kFloat8E5M2, 8, 57344, 0x1p-16f, 6, kInfinity},
                      FormatCase{DataType::kFloat8E5M2Fnuz, 8, 57344, 0x1p-17f, 1, kNan},
                      FormatCase{DataType::kFloat4E2M1, 4, 6, 0.5f, 0, 6}),
    [](const auto& info) { return std::string(DataTypeName(info.param.type)); });

TEST(NarrowFloatOfTest, WiderTypesHaveNone) {
  EXPECT_FALSE(NarrowFloatOf(DataType::kFloat16).has_value());
  EXPECT_FALSE(NarrowFloatOf(DataType::kInt8).has_value());
}

TEST(NarrowTensorTest, HoldsWhatIsRounded) {
  const std::vector<double> values = {0.3, -500, kInfinity};
  const auto floats = [&](DataType type) {
    return *Tensor::FromDoubles(type, {3}, values).ToFloats();
  };
  EXPECT_THAT(floats(DataType::kFloat8E5M2),
              ElementsAre(0.3125f, -512.0f, std::numeric_limits<float>::infinity()));
  EXPECT_THAT(floats(DataType::kFloat8E4M3Fn),
              ElementsAre(0.3125f, ::testing::IsNan(), ::testing::IsNan()));
  EXPECT_THAT(floats(DataType::kFloat4E2M1), ElementsAre(0.5f, -6.0f, 6.0f));
  EXPECT_FALSE(Tensor::FromDoubles(DataType::kFloat8E5M2, {3}, values).ToInts().ok());
}

// All integers of 4 bits, and those that have the same last bits.
TEST(NarrowTensorTest, IntegersOfFourBitsWrapAround) {
  std::vector<int64_t> values;
  for (int64_t value = -24; value < 24; ++value) values.push_back(value);
  for (const DataType type : {DataType::kInt4, DataType::kUint4}) {
    const std::vector<int64_t> held = *Tensor::FromInts(type, {48}, values).ToInts();
    const IntegerLimits limits = *LimitsOf(type);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ((held[i] - values[i]) % 16, 0);
      EXPECT_TRUE(limits.least <= held[i] && held[i] <= limits.most) << held[i];
    }
  }
}

}  // namespace
}  // namespace halftone
