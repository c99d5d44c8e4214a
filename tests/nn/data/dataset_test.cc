#include "nn/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nn/data/npz.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Images(std::vector<float> values) {
  const auto samples = static_cast<int64_t>(values.size()) / 2;
  return Tensor::Of<float>({samples, 1, 2}, std::move(values));
}

Tensor Labels(std::vector<int64_t> values) {
  const auto samples = static_cast<int64_t>(values.size());
  return Tensor::Of<int64_t>({samples}, std::move(values));
}

Graph GraphFor(Shape shape, DataType type = DataType::kFloat32) {
  Graph graph;
  graph.inputs = {{"image", {type, std::move(shape)}}};
  return graph;
}

void ExpectInvalid(const absl::Status& status, const std::string& message) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(message));
}

TEST(Dataset, TakesImagesAndLabels) {
  const auto bytes = WriteNpz({{"image", Images({1, 2, 3, 4})}, {"labels", Labels({1, 0})}});
  const auto data = Dataset::FromNpz(*bytes);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->samples(), 2);
  EXPECT_TRUE(data->has_labels());
  EXPECT_THAT(data->labels(), ElementsAre(1, 0));
  EXPECT_EQ(data->inputs().size(), 1u);
  EXPECT_TRUE(data->CheckFits(GraphFor({Shape::kDynamic, 1, 2}), 2).ok());
  EXPECT_TRUE(data->CheckFits(GraphFor({8, 1, 2}), 0).ok()) << "a fixed batch says nothing";
}

TEST(Dataset, ConvertsFloats) {
  const auto data = Dataset::Create({{"image", Tensor::Of<double>({1, 2}, {0.5, -3})}});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(data->inputs().at("image").data<float>(), ElementsAre(0.5f, -3.0f));
}

TEST(Dataset, GivesIntegersAsTheFloatsThatProgramsRead) {
  const auto data = Dataset::Create({{"image", Tensor::Of<int64_t>({2, 1, 2}, {1, -2, 3, 4})}});
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_TRUE(data->CheckFits(GraphFor({Shape::kDynamic, 1, 2}, DataType::kInt64), 0).ok());
  EXPECT_THAT(data->Batch("image", 0, 1)->data<float>(), ElementsAre(1.0f, -2.0f));
  const auto large = Dataset::Create({{"image", Tensor::Of<int64_t>({1, 1, 1}, {(1 << 24) + 1})}});
  const absl::Status status = large->CheckFits(GraphFor({1, 1, 1}, DataType::kInt64), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), HasSubstr("array 'image'"));
}

TEST(Dataset, RepeatsTheLastSampleAtTheEnd) {
  const auto data = Dataset::Create({{"image", Images({1, 2, 3, 4, 5, 6})}});
  const auto batch = data->Batch("image", 1, 4);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->shape(), (Shape{4, 1, 2}));
  EXPECT_THAT(batch->data<float>(), ElementsAre(3, 4, 5, 6, 5, 6, 5, 6));
  EXPECT_THAT(data->Batch("image", 0, 1)->data<float>(), ElementsAre(1, 2));
  ExpectInvalid(data->Batch("sound", 0, 1).status(), "'sound'");
  ExpectInvalid(data->Batch("image", 3, 1).status(), "from 3");
  ExpectInvalid(data->Batch("image", -1, 1).status(), "from -1");
  ExpectInvalid(data->Batch("image", 0, 0).status(), "0 samples");
  ExpectInvalid(data->Batch("image", 0, int64_t{1} << 40).status(), "elements");
}

TEST(Dataset, TakesTheFirstSamples) {
  const auto data =
      Dataset::Create({{"image", Images({1, 2, 3, 4, 5, 6})}, {"labels", Labels({7, 8, 9})}});
  const Dataset two = data->Take(2);
  EXPECT_EQ(two.samples(), 2);
  EXPECT_THAT(two.labels(), ElementsAre(7, 8));
  EXPECT_THAT(two.inputs().at("image").data<float>(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(data->Take(100).samples(), 3);
  EXPECT_EQ(data->Take(0).samples(), 1);
}

TEST(Dataset, LeavesSamplesOut) {
  const absl::StatusOr<Dataset> data =
      Dataset::Create({{"x", Tensor::Of(Shape{4, 2}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7})},
                       {"labels", Tensor::Of(Shape{4}, std::vector<int64_t>{5, 6, 7, 8})}});
  ASSERT_TRUE(data.ok()) << data.status();
  const Dataset rest = data->Without({0, 2});
  EXPECT_EQ(rest.samples(), 2);
  EXPECT_EQ(rest.labels(), (std::vector<int64_t>{6, 8}));
  const Tensor x = rest.Batch("x", 0, 2).value();
  EXPECT_EQ(std::vector<float>(x.data<float>().begin(), x.data<float>().end()),
            (std::vector<float>{2, 3, 6, 7}));
}

TEST(Dataset, RefusesWhatIsNoData) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const auto create = [](const std::map<std::string, Tensor>& arrays) {
    return Dataset::Create(arrays).status();
  };
  ExpectInvalid(create({}), "no array");
  ExpectInvalid(create({{"labels", Labels({1})}}), "no array beside the labels");
  ExpectInvalid(create({{"image", Tensor::Of<float>({0, 2}, {})}}), "'image' holds no samples");
  ExpectInvalid(create({{"image", Tensor::Scalar<float>(1)}}), "no array beside the labels");
  ExpectInvalid(create({{"image", Images({1, 2})}, {"labels", Labels({1, 2})}}),
                "'labels' has 2 samples, 'image' has 1");
  ExpectInvalid(create({{"image", Images({1, 2, 3, nan})}}),
                "'image': sample 1 holds a value that is not a number");
  ExpectInvalid(create({{"image", Images({infinity, 2})}}), "sample 0");
  ExpectInvalid(create({{"image", Tensor::Of<double>({1, 1}, {1e300})}}), "infinite");
  ExpectInvalid(create({{"image", Images({1, 2})}, {"labels", Tensor::Of<float>({1}, {1})}}),
                "'labels': float32");
  ExpectInvalid(create({{"image", Images({1, 2})}, {"labels", Tensor::Of<int64_t>({1, 1}, {1})}}),
                "'labels': shape [1, 1]");
}

TEST(Dataset, RefusesIntegersThatTheInputCannotHold) {
  const auto data = [](int64_t value) {
    return Dataset::Create({{"image", Tensor::Of<int64_t>({3, 1, 2}, {0, 1, 2, 255, value, 5})}});
  };
  const Graph graph = GraphFor({Shape::kDynamic, 1, 2}, DataType::kUint8);
  EXPECT_TRUE(data(7)->CheckFits(graph, 0).ok());
  ExpectInvalid(data(256)->CheckFits(graph, 0),
                "array 'image' has 256 in sample 2, the model's input is uint8, from 0 to 255");
  ExpectInvalid(data(-1)->CheckFits(graph, 0), "'image' has -1 in sample 2");
}

TEST(Dataset, RefusesWhatDoesNotFitTheModel) {
  const auto data = Dataset::Create({{"image", Images({1, 2, 3, 4})}, {"labels", Labels({0, 10})}});
  ExpectInvalid(data->CheckFits(GraphFor({Shape::kDynamic, 2, 2}), 0),
                "'image' has samples of shape [1, 2], the model's input needs [2, 2]");
  ExpectInvalid(data->CheckFits(GraphFor({Shape::kDynamic, 2}), 0), "'image' has samples of shape");
  ExpectInvalid(data->CheckFits(GraphFor({}), 0), "a scalar");
  ExpectInvalid(data->CheckFits(GraphFor({Shape::kDynamic, 1, 2}, DataType::kInt64), 0),
                "'image' is float32, the model's input needs int64");
  EXPECT_EQ(
      data->CheckFits(GraphFor({Shape::kDynamic, 1, 2}, DataType::kFloat8E5M2), 0).message(),
      "the model's input 'image' is float8_e5m2, which numpy does not have; let the model cast "
      "a float32 input to it");
  ExpectInvalid(data->CheckFits(GraphFor({Shape::kDynamic, 1, 2}), 10),
                "label 10 of sample 1 is outside of the model's 10 classes");
  Graph other = GraphFor({Shape::kDynamic, 1, 2});
  other.inputs[0].name = "pixels";
  ExpectInvalid(data->CheckFits(other, 0), "'pixels'; it has image");
  const auto bytes = Dataset::Create({{"image", Tensor::Of<uint8_t>({1, 1, 2}, {1, 2})}});
  ExpectInvalid(bytes->CheckFits(GraphFor({Shape::kDynamic, 1, 2}), 0), "'image' is uint8");
  const auto negative = Dataset::Create({{"image", Images({1, 2})}, {"labels", Labels({-1})}});
  ExpectInvalid(negative->CheckFits(GraphFor({Shape::kDynamic, 1, 2}), 10), "label -1");
}

}  // namespace
}  // namespace halftone
