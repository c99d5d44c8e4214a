#include "search/sensitivity/sample_independence.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;
using testing::NetworkBuilder;
using testing::RandomFloats;

// A layer, centred by the mean over those axes.
PreparedNetwork Centred(const std::vector<int64_t>& axes, int64_t batch = Shape::kDynamic) {
  NetworkBuilder builder;
  builder.Weights("w", Shape{6, 4});
  builder.Input("x", Shape{batch, 6})
      .Op("MatMul", {"x", "w"}, {"a"})
      .Op("ReduceMean", {"a"}, {"mean"}, {{"axes", axes}})
      .Op("Sub", {"a", "mean"}, {"y"})
      .Output("y");
  return PrepareNetwork(builder.graph()).value();
}

std::optional<std::string> Warning(const PreparedNetwork& network, int64_t samples) {
  std::map<std::string, Tensor> arrays;
  arrays.emplace("x", Tensor::Of(Shape{samples, 6}, RandomFloats(samples * 6, 3)));
  const Dataset data = Dataset::Create(arrays).value();
  const absl::StatusOr<std::optional<std::string>> warning = WarnOfMixedSamples(network, data, {});
  EXPECT_TRUE(warning.ok()) << warning.status();
  return warning.value_or(std::nullopt);
}

TEST(WarnOfMixedSamplesTest, NamesAnOutputThatOtherSamplesChange) {
  const std::optional<std::string> warning = Warning(Centred({0}), 8);
  ASSERT_TRUE(warning.has_value());
  EXPECT_THAT(*warning, HasSubstr("output 'y'"));
  EXPECT_THAT(*warning, HasSubstr("a fixed batch of 1"));
  EXPECT_TRUE(Warning(Centred({0}, 4), 8).has_value());
}

TEST(WarnOfMixedSamplesTest, NamesASampleThatThoseBeforeItChange) {
  NetworkBuilder builder;
  builder.Weights("w", Shape{6, 4}).Int("first", 0);
  builder.Input("x", Shape{Shape::kDynamic, 6})
      .Op("MatMul", {"x", "w"}, {"a"})
      .Op("CumSum", {"a", "first"}, {"y"})
      .Output("y");
  const std::optional<std::string> warning = Warning(PrepareNetwork(builder.graph()).value(), 8);
  ASSERT_TRUE(warning.has_value());
  EXPECT_THAT(*warning, HasSubstr("output 'y' of sample 1"));
}

TEST(WarnOfMixedSamplesTest, IsSilentWhereSamplesAreApart) {
  EXPECT_EQ(Warning(Centred({1}), 8), std::nullopt);
  EXPECT_EQ(Warning(Centred({0}), 1), std::nullopt) << "there is no other sample";
  EXPECT_EQ(Warning(Centred({0}, 1), 8), std::nullopt) << "none runs with another";
}

}  // namespace
}  // namespace halftone
