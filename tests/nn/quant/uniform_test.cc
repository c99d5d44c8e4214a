#include "nn/quant/uniform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>

#include "tests/nn/quant/reference.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Tensor Vector(std::vector<float> values) {
  const auto size = static_cast<int64_t>(values.size());
  return Tensor::Of<float>({size}, std::move(values));
}

UniformQuantizer Make(int bits, Symmetry symmetry, Range range) {
  const auto quantizer = UniformQuantizer::Create(bits, symmetry, -1, {range});
  EXPECT_TRUE(quantizer.ok()) << quantizer.status();
  return *quantizer;
}

TEST(UniformQuantizer, HasTheIntegersOfNumpy) {
  int cases = 0;
  for (const auto& reference : QuantReference()["tensor"]) {
    SCOPED_TRACE(reference["symmetry"].get<std::string>() + " " + reference["bits"].dump());
    const UniformQuantizer quantizer =
        Make(reference["bits"], SymmetryNamed(reference["symmetry"]),
             {reference["lower"].get<float>(), reference["upper"].get<float>()});
    EXPECT_EQ(quantizer.scales[0], reference["scale"].get<float>());
    EXPECT_EQ(quantizer.zero_points[0], reference["zero_point"].get<int>());
    const Tensor values = Vector(reference["values"].get<std::vector<float>>());
    EXPECT_EQ(*quantizer.Quantize(values), reference["integers"].get<std::vector<int32_t>>());
    ++cases;
  }
  EXPECT_EQ(cases, 46);
}

TEST(UniformQuantizer, HasTheValuesOfTorch) {
  int compared = 0;
  for (const auto& reference : QuantReference()["tensor"]) {
    const UniformQuantizer quantizer =
        Make(reference["bits"], SymmetryNamed(reference["symmetry"]),
             {reference["lower"].get<float>(), reference["upper"].get<float>()});
    const Tensor fake =
        *quantizer.FakeQuantize(Vector(reference["values"].get<std::vector<float>>()));
    for (size_t i = 0; i < fake.data<float>().size(); ++i) {
      if (reference["torch"][i].is_null()) continue;
      EXPECT_FLOAT_EQ(fake.data<float>()[i], reference["torch"][i].get<float>());
      ++compared;
    }
  }
  EXPECT_GT(compared, 1500);
}

TEST(UniformQuantizer, HasTheIntegersOfNumpyForEachChannel) {
  for (const auto& reference : QuantReference()["channel"]) {
    const int axis = reference["axis"];
    SCOPED_TRACE(axis);
    std::vector<Range> ranges;
    for (const float end : reference["ends"].get<std::vector<float>>())
      ranges.push_back({-end, end});
    const auto quantizer =
        UniformQuantizer::Create(reference["bits"], Symmetry::kSymmetricRestricted, axis, ranges);
    ASSERT_TRUE(quantizer.ok()) << quantizer.status();
    EXPECT_EQ(quantizer->scales, reference["scales"].get<std::vector<float>>());
    const Tensor values =
        Tensor::Of<float>({3, 4, 5}, reference["values"].get<std::vector<float>>());
    EXPECT_EQ(*quantizer->Quantize(values), reference["integers"].get<std::vector<int32_t>>());
    const std::vector<float> torch = reference["torch"];
    EXPECT_THAT(quantizer->FakeQuantize(values)->data<float>(), ElementsAreArray(torch));
  }
}

class EveryQuantizer : public testing::TestWithParam<std::tuple<int, Symmetry>> {};

TEST_P(EveryQuantizer, IsIdempotentAndMonotone) {
  const auto [bits, symmetry] = GetParam();
  const UniformQuantizer quantizer = Make(bits, symmetry, {-1.25f, 2.0f});
  std::vector<float> values;
  for (int i = -400; i <= 400; ++i) values.push_back(static_cast<float>(i) * 0.01f);
  const Tensor once = *quantizer.FakeQuantize(Vector(values));
  const std::vector<int32_t> integers = *quantizer.Quantize(once);
  EXPECT_EQ(*quantizer.Quantize(Vector(values)), integers);
  EXPECT_EQ(quantizer.Dequantize(integers, once.shape())->data<float>(), once.data<float>());
  EXPECT_TRUE(std::is_sorted(integers.begin(), integers.end()));
  EXPECT_EQ(integers.front(), quantizer.qmin);
  EXPECT_EQ(integers.back(), quantizer.qmax);
  const bool binary = bits == 1 && symmetry != Symmetry::kAsymmetric;
  const float zero = quantizer.FakeQuantize(Vector({0}))->data<float>()[0];
  EXPECT_EQ(zero, binary ? quantizer.scales[0] : 0);
  const float half_step = 0.5001f * quantizer.scales[0];
  for (size_t i = 0; i < values.size(); ++i) {
    const float x = values[i];
    // Within the range (less the half step that the zero point was rounded by) the error is at
    // most half a step.
    if (binary || x < -1.25f + half_step || x > 2.0f - half_step) continue;
    EXPECT_NEAR(once.data<float>()[i], x, half_step);
  }
}

INSTANTIATE_TEST_SUITE_P(UniformQuantizer, EveryQuantizer,
                         testing::Combine(testing::Range(1, 17),
                                          testing::Values(Symmetry::kSymmetricRestricted,
                                                          Symmetry::kSymmetricFull,
                                                          Symmetry::kAsymmetric)));

TEST(UniformQuantizer, HasTheLimitsOfItsBits) {
  const auto limits = [](int bits, Symmetry symmetry) {
    const UniformQuantizer quantizer = Make(bits, symmetry, {-1, 1});
    return std::pair(quantizer.qmin, quantizer.qmax);
  };
  EXPECT_EQ(limits(8, Symmetry::kSymmetricRestricted), std::pair(-127, 127));
  EXPECT_EQ(limits(8, Symmetry::kSymmetricFull), std::pair(-128, 127));
  EXPECT_EQ(limits(8, Symmetry::kAsymmetric), std::pair(0, 255));
  EXPECT_EQ(limits(2, Symmetry::kSymmetricRestricted), std::pair(-1, 1));
  EXPECT_EQ(limits(2, Symmetry::kSymmetricFull), std::pair(-2, 1));
  EXPECT_EQ(limits(1, Symmetry::kSymmetricRestricted), std::pair(-1, 1));
  EXPECT_EQ(limits(1, Symmetry::kSymmetricFull), std::pair(-1, 1));
  EXPECT_EQ(limits(1, Symmetry::kAsymmetric), std::pair(0, 1));
  EXPECT_EQ(limits(16, Symmetry::kAsymmetric), std::pair(0, 65535));
}

TEST(UniformQuantizer, RoundsHalfToEven) {
  const UniformQuantizer quantizer = Make(8, Symmetry::kSymmetricRestricted, {-127, 127});
  EXPECT_EQ(quantizer.scales[0], 1.0f);
  EXPECT_THAT(*quantizer.Quantize(Vector({0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 3.4999f, 126.5f})),
              ElementsAre(0, 2, 2, 0, -2, -2, 3, 126));
}

TEST(UniformQuantizer, MakesZeroOfANegativeZero) {
  const UniformQuantizer quantizer = Make(4, Symmetry::kSymmetricRestricted, {-7, 7});
  EXPECT_FALSE(std::signbit(quantizer.FakeQuantize(Vector({-0.3f}))->data<float>()[0]));
}

TEST(UniformQuantizer, KeepsTheZeroPointOfNonNegativeDataAtZero) {
  const UniformQuantizer quantizer = Make(8, Symmetry::kAsymmetric, {0, 5.1f});
  EXPECT_EQ(quantizer.zero_points[0], 0);
  EXPECT_EQ(Make(8, Symmetry::kAsymmetric, {-5.1f, 0}).zero_points[0], 255);
}

TEST(UniformQuantizer, ClampsWhatIsOutside) {
  const UniformQuantizer quantizer = Make(8, Symmetry::kAsymmetric, {-1, 1});
  EXPECT_THAT(*quantizer.Quantize(Vector({-kInfinity, -FLT_MAX, FLT_MAX, kInfinity})),
              ElementsAre(0, 0, 255, 255));
}

TEST(UniformQuantizer, LivesWithExtremeRanges) {
  for (const Symmetry symmetry : {Symmetry::kSymmetricRestricted, Symmetry::kAsymmetric}) {
    for (const int bits : {1, 8, 16}) {
      for (const Range range : {Range{0, 0}, Range{0, FLT_TRUE_MIN}, Range{-FLT_MAX, FLT_MAX}}) {
        const UniformQuantizer quantizer = Make(bits, symmetry, range);
        EXPECT_TRUE(std::isnormal(quantizer.scales[0]));
        const Tensor fake = *quantizer.FakeQuantize(Vector({0, range.lower, range.upper}));
        EXPECT_NEAR(fake.data<float>()[0], 0, bits == 1 ? FLT_MAX : 0);
        EXPECT_TRUE(std::isfinite(fake.data<float>()[1]));
        EXPECT_TRUE(std::isfinite(fake.data<float>()[2]));
      }
    }
  }
}

void ExpectInvalid(const absl::Status& status, const std::string& message) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

TEST(UniformQuantizer, RefusesWhatIsNoQuantizer) {
  const auto create = [](int bits, int axis, const std::vector<Range>& ranges) {
    return UniformQuantizer::Create(bits, Symmetry::kAsymmetric, axis, ranges).status();
  };
  ExpectInvalid(create(0, -1, {{0, 1}}), "0 bits");
  ExpectInvalid(create(17, -1, {{0, 1}}), "17 bits");
  ExpectInvalid(create(8, -2, {{0, 1}}), "axis -2");
  ExpectInvalid(create(8, 99, {{0, 1}}), "axis 99");
  ExpectInvalid(create(8, -1, {}), "0 ranges");
  ExpectInvalid(create(8, 0, {}), "0 ranges");
  ExpectInvalid(create(8, -1, {{0, 1}, {0, 1}}), "2 ranges");
  ExpectInvalid(create(8, 0, {{0, 1}, {1, 0}}), "range 1 [1, 0] is inverted");
  ExpectInvalid(create(8, -1, {{0.5f, 1}}), "does not contain 0");
  ExpectInvalid(create(8, -1, {{0, kInfinity}}), "not finite");
  ExpectInvalid(create(8, -1, {{kNan, 1}}), "not finite");
}

TEST(UniformQuantizer, RefusesTensorsThatDoNotFit) {
  const auto quantizer =
      UniformQuantizer::Create(8, Symmetry::kSymmetricRestricted, 1, {{-1, 1}, {-1, 1}, {-1, 1}});
  ASSERT_TRUE(quantizer.ok());
  const Tensor wrong = Tensor::Of<float>({3, 2}, std::vector<float>(6));
  ExpectInvalid(quantizer->Quantize(wrong).status(), "[3, 2] does not fit");
  ExpectInvalid(quantizer->FakeQuantize(Vector({1, 2, 3})).status(), "does not fit");
  ExpectInvalid(quantizer->Quantize(Tensor::Of<double>({1, 3}, {1, 2, 3})).status(), "float64");
  ExpectInvalid(quantizer->Quantize(Tensor::Of<float>({1, 3}, {1, kNan, 3})).status(), "element 1");
  ExpectInvalid(quantizer->Dequantize({1, 2}, {1, 3}).status(), "2 integers");
  ExpectInvalid(quantizer->Dequantize({1, 2, 128}, {1, 3}).status(), "integer 128 at 2");
}

TEST(UniformQuantizer, ASignedScaleHasTheLevelMoreWhereItIsNeeded) {
  const UniformQuantizer above = Make(2, Symmetry::kSymmetricSigned, {-1, 2});
  EXPECT_EQ(above.scales[0], -1.0f);
  const Tensor values = Tensor::Of(Shape{6}, std::vector<float>{-3, -1, 0, 0.75f, 2, 9});
  EXPECT_EQ(*above.Quantize(values), (std::vector<int32_t>{1, 1, 0, -1, -2, -2}));
  const Tensor rounded = *above.FakeQuantize(values);
  const std::vector<float> expected = {-1, -1, 0, 1, 2, 2};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(rounded.data<float>()[i], expected[i]);
  EXPECT_EQ(Make(2, Symmetry::kSymmetricSigned, {-2, 1}).scales[0], 1.0f);
  EXPECT_EQ(Make(4, Symmetry::kSymmetricSigned, {-7, 7}).scales[0], 1.0f) << "alike";
  const UniformQuantizer byte = Make(8, Symmetry::kSymmetricSigned, {-1, 2});
  EXPECT_EQ(byte.qmin, -127);
  EXPECT_GT(byte.scales[0], 0);
}

}  // namespace
}  // namespace halftone
