#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "nn/engine/lower.h"
#include "nn/graph/file_quantizer.h"
#include "nn/graph/float32.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "nn/onnx/tensor_proto.h"
#include "tests/nn/engine/run_program.h"

// Operators of quantized networks, read as the float ones that they approximate, beside ONNX
// Runtime's outputs of the quantized ones (tests/peers/quantized_cases.py).
namespace halftone {
namespace {

namespace fs = std::filesystem;

// Of 8 bits over the range of a source, a weight and a result: the root mean square of what is
// rounded, as a share of that of the result (0.9 % seen). What is read wrongly is off by its size.
constexpr double kRounding = 0.02;
// Of float32, where nothing is rounded.
constexpr double kFloat = 1e-5;

fs::path Folder() { return fs::path(HALFTONE_SOURCE_DIR) / "tests/data/quantized"; }

Tensor ReadTensor(const fs::path& path) {
  const auto bytes = ReadFile(path.string());
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  const auto tensor = ParseTensorProto(bytes.value_or(""));
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return tensor.value_or(Tensor::Scalar(0.0f));
}

std::vector<float> AsFloats(const Tensor& tensor) {
  const Tensor floats = *ToFloat32(tensor);
  return {floats.data<float>().begin(), floats.data<float>().end()};
}

absl::StatusOr<Graph> ReadCase(const std::string& name, bool as_is = false) {
  const auto bytes = ReadFile((Folder() / name / "model.onnx").string());
  if (!bytes.ok()) return bytes.status();
  return ImportOnnx(*bytes, {.quantized_as_is = as_is});
}

std::vector<float> Compute(const Graph& bound, const NamedFloats& inputs) {
  const auto lowered = LowerGraph(bound);
  EXPECT_TRUE(lowered.ok()) << lowered.status();
  if (!lowered.ok()) return {};
  const std::string& output = bound.outputs[0].name;
  const auto results = RunProgram(lowered->builder, {{output, lowered->values.at(output)}}, inputs);
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? results->at(output) : std::vector<float>();
}

class QuantizedOperatorsTest : public ::testing::TestWithParam<std::string> {
 protected:
  // How far the graph's output is from ONNX Runtime's; beyond 1 where it cannot be computed.
  double Error(const absl::StatusOr<Graph>& graph) const {
    EXPECT_TRUE(graph.ok()) << graph.status();
    if (!graph.ok()) return 2;
    const auto bound = BindBatch(*graph, graph->fixed_batch().value_or(1));
    EXPECT_TRUE(bound.ok()) << bound.status();
    if (!bound.ok()) return 2;
    const fs::path data = Folder() / GetParam() / "test_data_set_0";
    NamedFloats inputs;
    for (size_t i = 0; i < graph->inputs.size(); ++i) {
      inputs[graph->inputs[i].name] = AsFloats(ReadTensor(data / absl::StrCat("input_", i, ".pb")));
    }
    const Tensor expected = ReadTensor(data / "output_0.pb");
    EXPECT_EQ(bound->values.at(bound->outputs[0].name).shape, expected.shape());
    const std::vector<float> actual = Compute(*bound, inputs);
    return actual.size() == static_cast<size_t>(expected.elements())
               ? RelativeError(actual, AsFloats(expected))
               : 2;
  }
};

TEST_P(QuantizedOperatorsTest, ApproximateTheFloatOnes) {
  const auto graph = ReadCase(GetParam());
  EXPECT_LT(Error(graph), kRounding);
  for (const Node& node : graph->nodes) {
    EXPECT_EQ(node.op.find("QLinear"), std::string::npos) << node.op;
    EXPECT_EQ(node.op.find("Integer"), std::string::npos) << node.op;
  }
}

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(Folder())) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cases, QuantizedOperatorsTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param; });

// Of QuantizeLinear and DequantizeLinear alone, which run as they are.
class QdqAsItIsTest : public QuantizedOperatorsTest {};

TEST_P(QdqAsItIsTest, EqualsOnnxRuntime) {
  EXPECT_LT(Error(ReadCase(GetParam(), /*as_is=*/true)), kFloat);
}

INSTANTIATE_TEST_SUITE_P(Cases, QdqAsItIsTest,
                         ::testing::Values("qdq_conv", "qdq_conv_cut", "qdq_conv_cut_int8", "moved",
                                           "other_scale", "arithmetic", "integer_input",
                                           "integer_output", "quantized_weights", "table",
                                           "computed_scale"),
                         [](const auto& info) { return info.param; });

TEST(QuantizedFile, IsThere) { EXPECT_GE(Cases().size(), 40u); }

// What inspect says of the layer, as its node has it after all passes.
FileQuantizers QuantizersOfLayer(const std::string& name) {
  const auto graph = ReadCase(name);
  EXPECT_TRUE(graph.ok()) << graph.status();
  EXPECT_TRUE(IsOfQuantizedFile(*graph));
  EXPECT_NE(QuantizedFileText(*graph).find("in 1 layer:"), std::string::npos);
  const auto bound = FoldBatchNorm(*BindBatch(*graph, graph->fixed_batch().value_or(1)));
  const LayerSet set = *FindLayers(*bound);
  EXPECT_EQ(set.layers.size(), 1u);
  if (set.layers.empty() || set.layers[0].file_quantizers == nullptr) {
    ADD_FAILURE() << "no quantizers";
    return {};
  }
  return *set.layers[0].file_quantizers;
}

TEST(QuantizedFile, KeepsItsQuantizersOnLayers) {
  for (const char* name : {"qdq_conv", "q_conv"}) {
    const FileQuantizers quantizers = QuantizersOfLayer(name);
    ASSERT_TRUE(quantizers.src.has_value() && quantizers.weights.has_value()) << name;
    EXPECT_EQ(quantizers.src->type, DataType::kUint8);
    EXPECT_EQ(quantizers.src->scales.size(), 1u);
    EXPECT_FALSE(quantizers.src->is_dynamic);
    EXPECT_EQ(quantizers.weights->type, DataType::kInt8);
    EXPECT_EQ(quantizers.weights->axis, 0);
    EXPECT_EQ(quantizers.weights->scales.size(), 4u);
  }
  for (const char* name : {"dynamic_matmul_columns", "product_to_float"}) {
    const FileQuantizers quantizers = QuantizersOfLayer(name);
    ASSERT_TRUE(quantizers.src.has_value() && quantizers.weights.has_value()) << name;
    EXPECT_TRUE(quantizers.src->is_dynamic);
    EXPECT_EQ(quantizers.weights->axis, 1);
    EXPECT_EQ(quantizers.weights->scales.size(), 5u);
  }
  const FileQuantizers of_table = QuantizersOfLayer("table");
  EXPECT_FALSE(of_table.src.has_value());
  EXPECT_EQ(of_table.weights->type, DataType::kInt8);
  const FileQuantizers weights_alone = QuantizersOfLayer("quantized_weights");
  EXPECT_FALSE(weights_alone.src.has_value());
  EXPECT_EQ(weights_alone.weights->axis, 1);
}

// The weights of the layer are on the grid that the file's quantizer has.
TEST(QuantizedFile, HasTheWeightsThatItDequantizesTo) {
  for (const char* name : {"dynamic_matmul_columns", "q_matmul_columns", "product_to_float"}) {
    const auto graph = ReadCase(name);
    ASSERT_TRUE(graph.ok()) << graph.status();
    const auto bound = FoldBatchNorm(*BindBatch(*graph, graph->fixed_batch().value_or(1)));
    const Layer layer = FindLayers(*bound)->layers.at(0);
    const FileQuantizer& quantizer = *layer.file_quantizers->weights;
    const absl::Span<const float> weights = bound->initializers.at(layer.weights).data<float>();
    for (size_t i = 0; i < weights.size(); ++i) {
      const float steps = weights[i] / quantizer.scales[i % quantizer.scales.size()];
      EXPECT_NEAR(steps, std::round(steps), 1e-4) << name;
    }
  }
}

TEST(QuantizedFile, FloatModelsStayWhatTheyAre) {
  const auto bytes =
      ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/model.onnx");
  ASSERT_TRUE(bytes.ok());
  const auto graph = ImportOnnx(*bytes, {});
  ASSERT_TRUE(graph.ok());
  EXPECT_FALSE(IsOfQuantizedFile(*graph));
  EXPECT_EQ(QuantizedFileText(*graph), "");
}

}  // namespace
}  // namespace halftone
