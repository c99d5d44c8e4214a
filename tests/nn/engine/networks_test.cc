#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "nn/data/npz.h"
#include "nn/engine/derivative.h"
#include "nn/engine/losses.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/engine/run_program.h"

// The shipped networks against torch (tests/networks/make_reference.py): logits with batch
// normalization kept, folded by torch and folded by us; loss, gradients, Hessian-vector products.
namespace halftone {
namespace {

constexpr int64_t kLogitsSamples = 32;
constexpr int64_t kGradientSamples = 64;
constexpr int64_t kClasses = 10;

std::map<std::string, Tensor> ReadArrays(const std::string& file) {
  const std::string path = absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", file);
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  if (!bytes.ok()) return {};
  const auto arrays = ReadNpz(*bytes);
  EXPECT_TRUE(arrays.ok()) << arrays.status();
  return arrays.ok() ? *arrays : std::map<std::string, Tensor>();
}

Graph ReadGraph(const std::string& file, int64_t batch) {
  const auto graph =
      ImportOnnxFile(absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", file));
  EXPECT_TRUE(graph.ok()) << graph.status();
  const auto bound = BindBatch(graph.value(), batch);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.value();
}

// The elements of the first `samples` samples.
std::vector<float> Take(const Tensor& tensor, int64_t samples) {
  const absl::Span<const float> values = tensor.data<float>();
  const int64_t count = tensor.elements() / tensor.shape().dim(0) * samples;
  return {values.begin(), values.begin() + count};
}

std::vector<float> All(const Tensor& tensor) {
  const absl::Span<const float> values = tensor.data<float>();
  return {values.begin(), values.end()};
}

void ExpectLogits(const Graph& graph, const Tensor& expected) {
  const auto lowered = LowerGraph(graph);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  const Tensor images = ReadArrays("eval.npz").at("input");
  NamedFloats inputs;
  inputs[graph.inputs[0].name] = Take(images, kLogitsSamples);
  const auto run =
      RunProgram(lowered->builder, {{"logits", lowered->values.at(graph.outputs[0].name)}}, inputs);
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_LT(RelativeError(run->at("logits"), All(expected)), 1e-5);
}

// Networks with batch normalizations.
class NormalizedNetworksTest : public testing::TestWithParam<const char*> {
 protected:
  std::string name() const { return GetParam(); }
};

TEST_P(NormalizedNetworksTest, LogitsWithBatchNormalizationKept) {
  ExpectLogits(ReadGraph(name() + ".onnx", kLogitsSamples),
               ReadArrays("reference_" + name() + ".npz").at("logits_kept"));
}

TEST_P(NormalizedNetworksTest, LogitsAfterFoldingBatchNormalization) {
  const auto folded = FoldBatchNorm(ReadGraph(name() + ".onnx", kLogitsSamples));
  ASSERT_TRUE(folded.ok()) << folded.status();
  for (const Node& node : folded->nodes) EXPECT_NE(node.op, "BatchNormalization") << node.name;
  ExpectLogits(*folded, ReadArrays("reference_" + name() + ".npz").at("logits_kept"));
}

// A file without batch normalizations, a loss over the calibration samples, and what torch says of
// them.
class NetworksTest : public testing::TestWithParam<const char*> {
 protected:
  std::string file() const { return absl::StrCat(GetParam(), ".onnx"); }

  void SetUp() override {
    absl::string_view network = GetParam();
    absl::ConsumeSuffix(&network, "_folded");
    reference_ = ReadArrays(absl::StrCat("reference_", network, ".npz"));
    const Graph graph = ReadGraph(file(), kGradientSamples);
    auto lowered = LowerGraph(graph);
    ASSERT_TRUE(lowered.ok()) << lowered.status();
    lowered_ = *std::move(lowered);
    const std::map<std::string, Tensor> data = ReadArrays("calib.npz");
    inputs_[graph.inputs[0].name] = Take(data.at("input"), kGradientSamples);
    std::vector<float>& targets = inputs_["targets"];
    targets.assign(kGradientSamples * kClasses, 0.0f);
    const std::vector<int64_t> labels = data.at("labels").ToInts().value();
    for (size_t i = 0; i < kGradientSamples; ++i) {
      targets[i * kClasses + static_cast<size_t>(labels[i])] = 1.0f;
    }
    ProgramBuilder& builder = lowered_.builder;
    const ValueId target = builder.AddInput("targets", Shape{kGradientSamples, kClasses});
    const ValueId logits = lowered_.values.at(graph.outputs[0].name);
    loss_ = ops::Mean(builder, ops::CrossEntropyPerSample(builder, logits, target).value()).value();
  }

  std::map<std::string, Tensor> reference_;
  LoweredGraph lowered_;
  NamedFloats inputs_;
  ValueId loss_ = kNoValue;
};

TEST_P(NetworksTest, LogitsAgreeWithTorch) {
  ExpectLogits(ReadGraph(file(), kLogitsSamples), reference_.at("logits"));
}

TEST_P(NetworksTest, DerivativesAgreeWithTorch) {
  ProgramBuilder& builder = lowered_.builder;
  const ValueId one = builder.AddScalar(1.0f);
  std::vector<std::pair<std::string, ValueId>> outputs = {{"loss", loss_}};
  int weights_checked = 0;
  for (const auto& [key, vector] : reference_) {
    absl::string_view weights = key;
    if (!absl::ConsumePrefix(&weights, "vector/")) continue;
    ++weights_checked;
    const ValueId value = lowered_.values.at(std::string(weights));
    const ValueId direction = builder.AddInput(key, builder.shape(value));
    inputs_[key] = All(vector);
    const ValueId gradient = AppendVjp(builder, {loss_}, {one}, {value}).value()[0];
    const ValueId product = AppendVjp(builder, {gradient}, {direction}, {value}).value()[0];
    outputs.push_back({absl::StrCat("gradient/", weights), gradient});
    outputs.push_back({absl::StrCat("product/", weights), product});
  }
  EXPECT_EQ(weights_checked, 3);
  const auto run = RunProgram(builder, outputs, inputs_);
  ASSERT_TRUE(run.ok()) << run.status();
  for (const auto& [key, values] : *run) {
    EXPECT_LT(RelativeError(values, All(reference_.at(key))), 1e-4) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Shipped, NormalizedNetworksTest,
                         testing::Values("resnet14", "mobilenetv2"));
INSTANTIATE_TEST_SUITE_P(Shipped, NetworksTest,
                         testing::Values("resnet14_folded", "mobilenetv2_folded", "vit"));

}  // namespace
}  // namespace halftone
