#include "search/sensitivity/time_estimate.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "search/sensitivity/sensitivity.h"
#include "tests/search/sensitivity/digits.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using testing::Digits;
using ::testing::HasSubstr;
using testing::LoadDigits;

class TimeEstimateTest : public ::testing::Test {
 protected:
  SensitivityWork Work(SensitivityMethod method, const std::vector<Precision>& precisions) const {
    SensitivityOptions options;
    options.method = method;
    const auto work = SensitivityWorkOf(digits_.network, precisions, options);
    EXPECT_TRUE(work.ok()) << work.status();
    return work.value_or(SensitivityWork());
  }

  const Digits digits_ = LoadDigits();
  const std::vector<Precision> two_ = {Precision::Int(8, 8), Precision::Int(4, 8)};
  const std::vector<Precision> many_ = {
      Precision::Float32(), Precision::Int(8, 8), Precision::Int(7, 7), Precision::Int(6, 6),
      Precision::Int(5, 5), Precision::Int(4, 4), Precision::Int(3, 3)};
};

TEST_F(TimeEstimateTest, CountsPassesOfTheNetwork) {
  const SensitivityWork fisher = Work(SensitivityMethod::kFisher, two_);
  // Ten classes: a backward pass for each; two forward, and each layer twice.
  EXPECT_NEAR(fisher.first, 2 + 10 + 2, 1e-9);
  EXPECT_EQ(fisher.most_after, 0);
  EXPECT_EQ(fisher.calibration, 8);
  EXPECT_GT(fisher.weighing, 0);

  const SensitivityWork output = Work(SensitivityMethod::kOutput, two_);
  EXPECT_EQ(output.first, 0);
  EXPECT_EQ(output.least_after, output.most_after);
  // From no layer more than the whole network, twice.
  EXPECT_GT(output.most_after, 2);
  EXPECT_LT(output.most_after, 2.0 * static_cast<double>(digits_.network.layers.layers.size()));
}

TEST_F(TimeEstimateTest, ChoicesThatMayBeBelievedMakeARange) {
  const SensitivityWork all = Work(SensitivityMethod::kFisherCorrected, two_);
  EXPECT_EQ(all.least_after, all.most_after) << "so few are measured at once";
  EXPECT_GT(all.least_after, SensitivityOptions().joint_assignments);
  const SensitivityWork some = Work(SensitivityMethod::kFisherCorrected, many_);
  EXPECT_LT(some.least_after, some.most_after);
  EXPECT_NEAR(some.most_after - 32, 1.5 * (some.least_after - 32), 1e-6) << "6 of 6, or 4";
  EXPECT_EQ(Work(SensitivityMethod::kHawqV2, two_).first, 0);
}

// The work of a product with weights of the shape.
SensitivityWork WorkOfProduct(const Shape& weights, const std::vector<Precision>& precisions) {
  testing::NetworkBuilder builder;
  builder.Input("x", Shape{Shape::kDynamic, 1, 16}).Output("y").Op("MatMul", {"x", "w"}, {"y"}, {});
  builder.Weights("w", weights);
  const auto network = PrepareNetwork(builder.graph());
  EXPECT_TRUE(network.ok()) << network.status();
  if (!network.ok()) return {};
  const auto work = SensitivityWorkOf(*network, precisions, {});
  EXPECT_TRUE(work.ok()) << work.status();
  return work.value_or(SensitivityWork());
}

TEST_F(TimeEstimateTest, AVectorOfWeightsIsOneChannel) {
  const SensitivityWork vector = WorkOfProduct(Shape{16}, two_);
  EXPECT_GT(vector.weighing, 0);
  EXPECT_EQ(vector.weighing, WorkOfProduct(Shape{16, 1}, two_).weighing);
}

TEST_F(TimeEstimateTest, SaysThatItIsAnEstimate) {
  SensitivityOptions options;
  options.method = SensitivityMethod::kFisherCorrected;
  const auto text =
      EstimateSensitivityTime(digits_.network, digits_.calibration, many_, options, {});
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("estimate: calibration"));
  EXPECT_THAT(*text, HasSubstr("losses to second order"));
  options.method = SensitivityMethod::kHawqV2;
  EXPECT_EQ(*EstimateSensitivityTime(digits_.network, digits_.calibration, many_, options, {}), "");
  Cancellation cancelled;
  cancelled.Cancel();
  EXPECT_EQ(MeasureSpeed(digits_.network, digits_.calibration, cancelled).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace halftone
