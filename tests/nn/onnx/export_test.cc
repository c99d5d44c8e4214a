#include "nn/onnx/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/onnx/exported.h"

namespace halftone {
namespace {

using ::testing::HasSubstr;

// What DequantizeLinear makes of a node's second source, from the bytes in the file.
std::vector<float> DequantizedWeights(const onnx::ModelProto& model, const std::string& layer) {
  const onnx::NodeProto& node = *Producer(model, FindNode(model, layer)->input(1));
  EXPECT_EQ(node.op_type(), "DequantizeLinear");
  const onnx::TensorProto& integers = *Initializer(model, node.input(0));
  const std::vector<float> scales = Floats(*Initializer(model, node.input(1)));
  const std::string& zeros = Initializer(model, node.input(2))->raw_data();
  EXPECT_EQ(node.attribute(0).name(), "axis");
  EXPECT_EQ(node.attribute(0).i(), 0);
  const bool is_signed = integers.data_type() == onnx::TensorProto::INT8;
  const auto widen = [&](char byte) {
    return is_signed ? int{static_cast<int8_t>(byte)} : int{static_cast<uint8_t>(byte)};
  };
  const std::string& bytes = integers.raw_data();
  const size_t inner = bytes.size() / scales.size();
  std::vector<float> values;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t channel = i / inner;
    values.push_back(scales[channel] * static_cast<float>(widen(bytes[i]) - widen(zeros[channel])));
  }
  return values;
}

TEST(Export, StoresTheIntegersOfTheFoldedWeights) {
  const Graph folded = Folded();
  for (const int bits : {1, 2, 4, 8}) {
    for (const Symmetry symmetry : {Symmetry::kSymmetricRestricted, Symmetry::kSymmetricFull,
                                    Symmetry::kSymmetricSigned, Symmetry::kAsymmetric}) {
      const Tensor& weights = folded.initializers.at("w1");
      const auto quantizer = Weights(weights, bits, symmetry);
      const onnx::ModelProto model =
          Export({{"conv1", {Precision::Int(bits, 8), nullptr, quantizer}}});
      const Tensor fake = *quantizer->FakeQuantize(weights);
      EXPECT_THAT(DequantizedWeights(model, "conv1"),
                  testing::ElementsAreArray(fake.data<float>()));
      EXPECT_EQ(Initializer(model, "w1"), nullptr) << "the float weights are gone";
    }
  }
}

TEST(Export, TakesShiftsOffBiases) {
  const Graph folded = Folded();
  const Node& conv = *folded.FindNode("conv1");
  const std::vector<float> before = folded.initializers.at(conv.inputs[2]).ToFloats().value();
  const auto quantizer = Weights(folded.initializers.at("w1"), 4, Symmetry::kSymmetricSigned);
  std::vector<float> shifts(before.size(), 0.25f);
  shifts[0] = -1;
  const onnx::ModelProto model =
      Export({{"conv1", {Precision::Int(4, 8), nullptr, quantizer, shifts}}});
  const onnx::TensorProto* bias = Initializer(model, FindNode(model, "conv1")->input(2));
  ASSERT_NE(bias, nullptr);
  std::vector<float> expected;
  for (size_t i = 0; i < before.size(); ++i) expected.push_back(before[i] - shifts[i]);
  EXPECT_THAT(Floats(*bias), testing::Pointwise(testing::FloatEq(), expected));
  shifts.pop_back();
  EXPECT_EQ(ExportQuantizedOnnx(SmallNetwork(),
                                {{"conv1", {Precision::Int(4, 8), nullptr, quantizer, shifts}}})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Export, RoundsWideWeightsInFloat) {
  const auto quantizer = Weights(Folded().initializers.at("wf"), 12);
  const onnx::ModelProto model = Export({{"fc", {Precision::Int(12, 8), nullptr, quantizer}}});
  const onnx::TensorProto& stored = *Initializer(model, FindNode(model, "fc")->input(1));
  const Tensor fake = *quantizer->FakeQuantize(Folded().initializers.at("wf"));
  EXPECT_THAT(Floats(stored), testing::ElementsAreArray(fake.data<float>()));
}

TEST(Export, KeepsTheBatchSymbolic) {
  const onnx::ModelProto model = Export({});
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
  EXPECT_EQ(model.graph().output(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
  const onnx::TensorProto& shape = *Initializer(model, FindNode(model, "flat")->input(1));
  const auto* sizes = reinterpret_cast<const int64_t*>(shape.raw_data().data());
  EXPECT_EQ(sizes[0], 0) << "copies the batch";
  EXPECT_EQ(sizes[1], -1);

  const auto again = ImportOnnx(model.SerializeAsString(), {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(BindBatch(*again, 7)->outputs[0].info.shape, (Shape{7, 5}));
}

TEST(Export, KeepsAFixedBatch) {
  Graph graph = SmallNetwork();
  graph.inputs[0].info.shape.set_dim(0, 3);
  const onnx::ModelProto model = Export({}, graph);
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_value(), 3);
}

TEST(Export, ImportsAgain) {
  const Graph folded = Folded();
  const auto source = Source(4, Symmetry::kAsymmetric, {-1, 1});
  const onnx::ModelProto model =
      Export({{"conv1", {Precision::Int(4, 4), source, Weights(folded.initializers.at("w1"), 4)}},
              {"fc", {Precision::Int(8, 4), source, Weights(folded.initializers.at("wf"), 8)}}});
  const auto graph = ImportOnnx(model.SerializeAsString(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::set<std::string> unsupported;
  for (const Unsupported& node : FindUnsupported(*graph)) unsupported.insert(node.op);
  for (const std::string& op : unsupported) {
    EXPECT_TRUE(op == "QuantizeLinear" || op == "DequantizeLinear") << op;
  }
}

TEST(Export, TellsThePrecisions) {
  const Precision weight_only = *Precision::Parse("w4");
  const auto weights = Weights(Folded().initializers.at("w1"), 4);
  const onnx::ModelProto model =
      Export({{"conv1", {weight_only, nullptr, weights}}, {"fc", {*Precision::Parse("bf16")}}});
  EXPECT_EQ(FindNode(model, "conv1")->doc_string(), "halftone: w4");
  EXPECT_EQ(FindNode(model, "conv2a")->doc_string(), "");
  EXPECT_EQ(FindNode(model, "fc")->input(1), "wf") << "float layers stay as they are";
  std::map<std::string, std::string> metadata;
  for (const auto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
  EXPECT_EQ(metadata["halftone.assignment"], R"({"conv1":"w4","fc":"bf16"})");
  EXPECT_FALSE(metadata["halftone.version"].empty());
  EXPECT_EQ(model.producer_name(), "halftone");
}

TEST(Export, RaisesAnOldOpset) {
  Graph graph = SmallNetwork();
  graph.opset = 11;
  const auto weights = Weights(Folded().initializers.at("w1"), 8);
  const onnx::ModelProto model =
      Export({{"conv1", {Precision::Int(8, 8), nullptr, weights}}}, graph);
  EXPECT_EQ(model.opset_import(0).version(), 13);
  EXPECT_FALSE(DequantizedWeights(model, "conv1").empty());
}

TEST(Export, NamesWhatDoesNotFit) {
  const auto error = [](const QuantizedAssignment& assignment) {
    const absl::Status status = ExportQuantizedOnnx(SmallNetwork(), assignment).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(error({{"conv9", {}}}), HasSubstr("'conv9'"));
  EXPECT_THAT(error({{"relu", {}}}), HasSubstr("'relu'"));
  const auto wrong = Weights(Random({7, 2}, 1), 4);
  EXPECT_THAT(error({{"conv1", {Precision::Int(4, 4), nullptr, wrong}}}),
              HasSubstr("layer 'conv1', 'w1': a tensor of shape [3, 2, 1, 1]"));
  EXPECT_THAT(error({{"conv1", {Precision::Int(4, 4), wrong, nullptr}}}),
              HasSubstr("layer 'conv1', 'input': activations are quantized with one scale"));
}

}  // namespace
}  // namespace halftone
