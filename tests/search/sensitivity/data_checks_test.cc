#include "search/sensitivity/data_checks.h"

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/search/sensitivity/small_networks.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NetworkBuilder;
using testing::RandomFloats;

constexpr int64_t kClasses = 5;

// Three layers, the classes of what they see.
PreparedNetwork Network() {
  NetworkBuilder builder;
  builder.Weights("w1", Shape{6, 12}).Weights("w2", Shape{12, 8}).Weights("w3", Shape{8, kClasses});
  builder.Input("x", Shape{Shape::kDynamic, 6})
      .Op("MatMul", {"x", "w1"}, {"a"})
      .Op("Relu", {"a"}, {"r"})
      .Op("MatMul", {"r", "w2"}, {"b"})
      .Op("Relu", {"b"}, {"s"})
      .Op("MatMul", {"s", "w3"}, {"y"})
      .Output("y");
  return PrepareNetwork(builder.graph()).value();
}

Dataset Data(std::vector<float> values, std::vector<int64_t> labels = {}) {
  const auto samples = static_cast<int64_t>(values.size() / 6);
  std::map<std::string, Tensor> arrays;
  arrays.emplace("x", Tensor::Of(Shape{samples, 6}, std::move(values)));
  if (!labels.empty()) arrays.emplace("labels", Tensor::Of(Shape{samples}, std::move(labels)));
  return Dataset::Create(arrays).value();
}

// Of 40 samples those are so many times as large.
Dataset Scaled(const std::vector<size_t>& samples, float times) {
  std::vector<float> values = RandomFloats(240, 3);
  for (const size_t n : samples) {
    for (size_t i = 0; i < 6; ++i) values[6 * n + i] *= times;
  }
  return Data(std::move(values));
}

std::vector<std::string> Warnings(const Dataset& data) {
  const PreparedNetwork network = Network();
  return DataWarnings(network, network.Bind(1).value(), data).value();
}

TEST(FindFarSamplesTest, NamesInputAndSample) {
  const Graph bound = Network().Bind(1).value();
  EXPECT_THAT(FindFarSamples(bound, Scaled({}, 1)), IsEmpty());
  EXPECT_THAT(FindFarSamples(bound, Scaled({7}, 20)), IsEmpty());
  const std::vector<FarSample> far = FindFarSamples(bound, Scaled({7, 31}, 1e6f));
  ASSERT_EQ(far.size(), 2);
  EXPECT_EQ(far[0].input, "x");
  EXPECT_EQ(far[0].sample, 7);
  EXPECT_EQ(far[1].sample, 31);
  EXPECT_GT(far[0].largest, 1e5);
  EXPECT_LT(far[0].usual, 1.1);
}

TEST(ChooseCalibrationSamplesTest, LeavesOutWhatHarmsTheOthers) {
  const PreparedNetwork network = Network();
  const absl::StatusOr<CalibrationSamples> chosen =
      ChooseCalibrationSamples(network, Scaled({7}, 1e6f), {}, {});
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->data.samples(), 39);
  ASSERT_EQ(chosen->warnings.size(), 1);
  EXPECT_THAT(chosen->warnings[0], HasSubstr("sample 7 of input 'x'"));
  EXPECT_THAT(chosen->warnings[0], HasSubstr("left out"));
}

TEST(ChooseCalibrationSamplesTest, CountsWhatIsUsualOrMany) {
  const PreparedNetwork network = Network();
  const CalibrationSamples usual = ChooseCalibrationSamples(network, Scaled({}, 1), {}, {}).value();
  EXPECT_EQ(usual.data.samples(), 40);
  EXPECT_THAT(usual.warnings, IsEmpty());
  const CalibrationSamples many =
      ChooseCalibrationSamples(network, Scaled({1, 2, 3, 4, 5, 6}, 1e4f), {}, {}).value();
  EXPECT_EQ(many.data.samples(), 40);
  EXPECT_THAT(many.warnings, ElementsAre(HasSubstr("no exception")));
}

TEST(DataWarningsTest, NamesArraysThatNobodyReads) {
  std::map<std::string, Tensor> arrays;
  arrays.emplace("x", Tensor::Of(Shape{10, 6}, RandomFloats(60, 3)));
  arrays.emplace("label", Tensor::Of(Shape{10}, std::vector<int64_t>(10, 1)));
  EXPECT_THAT(Warnings(Dataset::Create(arrays).value()),
              ElementsAre(HasSubstr("array 'label' of the data is no input")));
}

TEST(DataWarningsTest, NamesWhatIsConstantMissingOrFew) {
  EXPECT_THAT(Warnings(Scaled({}, 1)), IsEmpty());
  EXPECT_THAT(Warnings(Data(std::vector<float>(10 * 6, 0.5f))),
              ElementsAre(HasSubstr("input 'x' is the same in all 10 samples")));
  const std::vector<float> values = RandomFloats(60, 3);
  EXPECT_THAT(Warnings(Data(values, {0, 1, 2, 3, 4, 0, 1, 2, 3, 4})), IsEmpty());
  EXPECT_THAT(Warnings(Data(values, {0, 1, 3, 3, 0, 0, 1, 1, 3, 1})),
              ElementsAre(HasSubstr("no sample has label 2, 4, of 5 classes")));
  EXPECT_THAT(Warnings(Data(RandomFloats(18, 3), {0, 1, 2})),
              ElementsAre(HasSubstr("3 samples are few for 5 classes")));
}

}  // namespace
}  // namespace halftone
