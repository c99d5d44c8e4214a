#include <bit>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/ops.h"
#include "nn/quant/bfloat16.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {
namespace {

struct QuantizerCase {
  const char* name;
  int bits;
  Symmetry symmetry;
  int axis;
};
void PrintTo(const QuantizerCase& test, std::ostream* out) { *out << test.name; }

class FakeQuantizeTest : public testing::TestWithParam<QuantizerCase> {
 protected:
  static constexpr int64_t kRows = 4, kColumns = 200;

  // Each row's range is twice the one before it.
  FakeQuantizeTest() {
    const QuantizerCase& c = GetParam();
    std::vector<Range> ranges(c.axis == 0 ? kRows : 1);
    for (size_t i = 0; i < ranges.size(); ++i) {
      const float width = static_cast<float>(1 << i);
      ranges[i] = {-0.3f * width, 0.5f * width};
    }
    quantizer_ = UniformQuantizer::Create(c.bits, c.symmetry, c.axis, ranges).value();
    SplitMix64 random(5);
    src_ = std::vector<float>(static_cast<size_t>(kRows * kColumns));
    for (float& value : src_) value = static_cast<float>(4 * random.Uniform() - 2);
    x_ = builder_.AddInput("x", Shape{kRows, kColumns});
    dst_ = ops::FakeQuantize(builder_, x_, quantizer_).value();
  }

  UniformQuantizer quantizer_;
  std::vector<float> src_;
  ProgramBuilder builder_;
  ValueId x_ = kNoValue, dst_ = kNoValue;
};

TEST_P(FakeQuantizeTest, IsBitForBitTheQuantizer) {
  const NamedFloats run = RunProgram(builder_, {{"dst", dst_}}, {{"x", src_}}).value();
  const Tensor expected =
      quantizer_.FakeQuantize(Tensor::Of<float>(Shape{kRows, kColumns}, src_)).value();
  const absl::Span<const float> values = expected.data<float>();
  ASSERT_EQ(run.at("dst").size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(run.at("dst")[i], values[i]) << src_[i];
}

// Straight through inside the range of the grid, nothing outside; the derivative of that is again
// the same gate, in the cotangent.
TEST_P(FakeQuantizeTest, DerivativeIsThatOfClamping) {
  const ValueId u = builder_.AddInput("u", Shape{kRows, kColumns});
  const ValueId w = builder_.AddInput("w", Shape{kRows, kColumns});
  const ValueId dx = AppendVjp(builder_, {dst_}, {u}, {x_}).value()[0];
  const std::vector<ValueId> second = AppendVjp(builder_, {dx}, {w}, {u, x_}).value();
  NamedFloats inputs;
  inputs["x"] = src_;
  inputs["u"].assign(src_.size(), 1.0f);
  inputs["w"].assign(src_.size(), 2.0f);
  const NamedFloats run =
      RunProgram(builder_, {{"dx", dx}, {"du", second[0]}, {"dxx", second[1]}}, inputs).value();
  size_t inside_count = 0;
  for (size_t i = 0; i < src_.size(); ++i) {
    const size_t channel = GetParam().axis == 0 ? i / kColumns : 0;
    const float scale = quantizer_.scales[channel];
    const auto zero = static_cast<float>(quantizer_.zero_points[channel]);
    const float lower = scale * (static_cast<float>(quantizer_.qmin) - zero);
    const float upper = scale * (static_cast<float>(quantizer_.qmax) - zero);
    const bool inside = lower <= src_[i] && src_[i] <= upper;
    inside_count += inside ? 1 : 0;
    EXPECT_EQ(run.at("dx")[i], inside ? 1.0f : 0.0f) << src_[i];
    EXPECT_EQ(run.at("du")[i], inside ? 2.0f : 0.0f) << src_[i];
    EXPECT_EQ(run.at("dxx")[i], 0.0f);
  }
  EXPECT_GT(inside_count, src_.size() / 20);
  EXPECT_LT(inside_count, src_.size());
}

INSTANTIATE_TEST_SUITE_P(
    Quantizers, FakeQuantizeTest,
    testing::Values(QuantizerCase{"Restricted8", 8, Symmetry::kSymmetricRestricted, -1},
                    QuantizerCase{"Full4", 4, Symmetry::kSymmetricFull, -1},
                    QuantizerCase{"Asymmetric8", 8, Symmetry::kAsymmetric, -1},
                    QuantizerCase{"Asymmetric2", 2, Symmetry::kAsymmetric, -1},
                    QuantizerCase{"Binary", 1, Symmetry::kSymmetricRestricted, -1},
                    QuantizerCase{"PerRow4", 4, Symmetry::kSymmetricRestricted, 0},
                    QuantizerCase{"PerRowAsymmetric16", 16, Symmetry::kAsymmetric, 0}),
    [](const testing::TestParamInfo<QuantizerCase>& info) { return std::string(info.param.name); });

float FloatOf(uint32_t bits) { return std::bit_cast<float>(bits); }

// By the bits: as oneDNN's bfloat16_t takes a float.
TEST(RoundToBFloat16Test, RoundsAsOneDnnConverts) {
  const std::vector<std::pair<uint32_t, uint32_t>> cases = {
      {0x3f808000u, 0x3f800000u},  // a tie goes to the even neighbour below
      {0x3f818000u, 0x3f820000u},  // and above
      {0x3f808001u, 0x3f810000u}, {0xbf807fffu, 0xbf800000u},
      {0x7f7f0000u, 0x7f7f0000u},  // the largest one
      {0x7f7f8000u, 0x7f800000u},  // half a step above it: infinity
      {0x79000000u, 0x79000000u},  // 4e34, whose product with 2^16 + 1 is none
      {0xff800000u, 0xff800000u},  // infinity
      {0x00800000u, 0x00800000u},  // the smallest normal one
      {0x007fffffu, 0x00000000u},  // subnormals are zeros
      {0x80000001u, 0x80000000u}, {0x80000000u, 0x80000000u}};
  std::vector<float> src;
  for (const auto& [from, to] : cases) src.push_back(FloatOf(from));
  src.push_back(FloatOf(0x7fffffffu));  // NaN, of which rounding up would make a zero
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{static_cast<int64_t>(src.size())});
  const ValueId dst = ops::RoundToBFloat16(builder, x).value();
  const NamedFloats run = RunProgram(builder, {{"dst", dst}}, {{"x", src}}).value();
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint32_t>(RoundToBFloat16(src[i])), cases[i].second) << src[i];
    EXPECT_EQ(std::bit_cast<uint32_t>(run.at("dst")[i]), cases[i].second) << src[i];
  }
  EXPECT_TRUE(std::isnan(RoundToBFloat16(src.back())));
  EXPECT_TRUE(std::isnan(run.at("dst").back()));
}

TEST(RoundToBFloat16Test, DerivativeGoesStraightThrough) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{3});
  const ValueId dst = ops::RoundToBFloat16(builder, x).value();
  const ValueId u = builder.AddInput("u", Shape{3});
  EXPECT_EQ(AppendVjp(builder, {dst}, {u}, {x}).value()[0], u);
}

TEST(RoundToNarrowFloatTest, DerivativeGoesStraightThrough) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{3});
  const NarrowFloat format = *NarrowFloatOf(DataType::kFloat8E4M3Fn);
  const ValueId dst = ops::RoundToNarrowFloat(builder, x, format, /*saturate=*/true).value();
  const ValueId u = builder.AddInput("u", Shape{3});
  EXPECT_EQ(AppendVjp(builder, {dst}, {u}, {x}).value()[0], u);
}

}  // namespace
}  // namespace halftone
