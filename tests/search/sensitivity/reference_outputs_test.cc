// The float network beside what another runtime is said to have computed.
#include "search/sensitivity/reference_outputs.h"

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;
constexpr int64_t kN = Shape::kDynamic;
constexpr int64_t kSamples = 20;  // more than one batch
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// y: x times two, sums: their differences in another layout, whole numbers all.
class ReferenceOutputsTest : public ::testing::Test {
 protected:
  ReferenceOutputsTest() {
    GraphBuilder builder;
    builder.Input("x", {kN, 2}).Floats("w", {2, 2}, {2, 0, 0, 2});
    builder.Op("MatMul", {"x", "w"}, {"y"}).Output("y");
    builder.Op("Transpose", {"y"}, {"t"}, {{"perm", std::vector<int64_t>{1, 0}}}).Output("t");
    network_ = *PrepareNetwork(builder.graph());
    std::vector<float> x, y, t(2 * kSamples);
    for (int64_t i = 0; i < 2 * kSamples; ++i) {
      x.push_back(static_cast<float>(i - 7));
      y.push_back(2 * x.back());
      t[static_cast<size_t>(i % 2 * kSamples + i / 2)] = y.back();
    }
    data_ = *Dataset::Create({{"x", Tensor::Of<float>({kSamples, 2}, x)}});
    y_ = y;
    t_ = t;
  }

  absl::StatusOr<std::vector<OutputDifference>> Compare(
      const std::map<std::string, Tensor>& reference) const {
    return CompareWithReference(network_, data_, reference, {});
  }
  Tensor Y(const std::vector<float>& values) const {
    return Tensor::Of<float>({static_cast<int64_t>(values.size()) / 2, 2}, values);
  }

  PreparedNetwork network_;
  Dataset data_;
  std::vector<float> y_, t_;
};

TEST_F(ReferenceOutputsTest, EqualOutputsDifferByNothing) {
  const auto differences = Compare({{"y", Y(y_)}, {"t", Tensor::Of<float>({2, kSamples}, t_)}});
  ASSERT_TRUE(differences.ok()) << differences.status();
  ASSERT_EQ(differences->size(), 2u);
  for (const OutputDifference& difference : *differences) {
    EXPECT_EQ(difference.samples, kSamples) << difference.output;
    EXPECT_EQ(difference.max_absolute, 0) << difference.output;
    EXPECT_EQ(difference.max_relative, 0) << difference.output;
  }
}

TEST_F(ReferenceOutputsTest, DifferencesAreRelativeToTheLargestElement) {
  std::vector<float> y = y_;
  y[33] += 3.25F;
  const auto differences = Compare({{"y", Y(y)}});
  ASSERT_TRUE(differences.ok()) << differences.status();
  EXPECT_DOUBLE_EQ(differences->at(0).max_absolute, 3.25);
  EXPECT_DOUBLE_EQ(*differences->at(0).max_relative, 3.25 / (2 * (2 * kSamples - 8)));
}

// The layout is the model's: the last sample's second element is the last but none of its row.
TEST_F(ReferenceOutputsTest, SamplesLieWhereTheModelHasThem) {
  std::vector<float> t = t_;
  std::swap(t[1], t[kSamples]);  // as if samples came first
  const auto differences = Compare({{"t", Tensor::Of<float>({2, kSamples}, t)}});
  ASSERT_TRUE(differences.ok()) << differences.status();
  EXPECT_GT(differences->at(0).max_absolute, 0);
}

TEST_F(ReferenceOutputsTest, FewerSamplesAndOtherTypesAreTaken) {
  std::vector<double> y(y_.begin(), y_.begin() + 6);
  const auto doubles = Compare({{"y", Tensor::Of<double>({3, 2}, y)}});
  ASSERT_TRUE(doubles.ok()) << doubles.status();
  EXPECT_EQ(doubles->at(0).samples, 3);
  EXPECT_EQ(doubles->at(0).max_relative, 0);
  std::vector<int64_t> integers(y_.begin(), y_.end());
  const auto whole = Compare({{"y", Tensor::Of<int64_t>({kSamples, 2}, integers)}});
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->at(0).max_absolute, 0);
}

TEST_F(ReferenceOutputsTest, WhatIsNotFiniteOnOneSideHasNoMeasure) {
  std::vector<float> y = y_;
  y[5] = kInfinity;
  const auto infinite = Compare({{"y", Y(y)}});
  ASSERT_TRUE(infinite.ok()) << infinite.status();
  EXPECT_EQ(infinite->at(0).max_relative, std::nullopt);
  EXPECT_EQ(infinite->at(0).max_absolute, 0);
  const auto zero = Compare({{"y", Y(std::vector<float>(2 * kSamples))}});
  ASSERT_TRUE(zero.ok()) << zero.status();
  EXPECT_EQ(zero->at(0).max_relative, std::nullopt) << "nothing to relate it to";
}

TEST_F(ReferenceOutputsTest, NamesWhatDoesNotFit) {
  const absl::Status unknown = Compare({{"z", Y(y_)}}).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.message()),
              HasSubstr("array 'z' is no output of the model, which has 'y', 't'"));
  const absl::Status shape = Compare({{"y", Tensor::Of<float>({3}, {1, 2, 3})}}).status();
  EXPECT_EQ(shape.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(shape.message()), HasSubstr("array 'y' of shape [3]"));
  EXPECT_EQ(Compare({}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace halftone
