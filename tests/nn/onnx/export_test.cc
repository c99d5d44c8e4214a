#include "nn/onnx/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "nn/onnx/proto.h"
#include "nn/quant/range_estimator.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Random(Shape shape, uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<float> values(static_cast<size_t>(shape.Elements()));
  for (float& value : values) value = static_cast<float>(random.Uniform()) - 0.5f;
  return Tensor::Of<float>(std::move(shape), std::move(values));
}

Node MakeNode(std::string name, std::string op, std::vector<std::string> inputs,
              std::vector<std::string> outputs) {
  Node node;
  node.name = std::move(name);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

// input [N, 2, 4, 4] -> conv1 -> batch norm -> relu -> conv2a and conv2b, added -> reshape to
// [N, 48] -> fc -> [N, 5]. The shape of the Reshape is computed from the input's, as torch does.
Graph SmallNetwork() {
  Graph graph;
  graph.name = "small";
  graph.opset = 13;
  graph.inputs = {{"input", {DataType::kFloat32, {Shape::kDynamic, 2, 4, 4}}}};
  graph.outputs = {{"logits", {DataType::kFloat32, {Shape::kDynamic, 5}}}};
  graph.initializers = {
      {"w1", Random({3, 2, 1, 1}, 1)},
      {"w2a", Random({3, 3, 1, 1}, 2)},
      {"w2b", Random({3, 3, 1, 1}, 3)},
      {"wf", Random({5, 48}, 4)},
      {"bf", Random({5}, 5)},
      {"gamma", Tensor::Of<float>({3}, {1, 2, 3})},
      {"beta", Tensor::Of<float>({3}, {0, 1, 2})},
      {"mean", Tensor::Of<float>({3}, {0, 0.5f, 1})},
      {"variance", Tensor::Of<float>({3}, {1, 2, 4})},
      {"zero", Tensor::Of<int64_t>({1}, {0})},
      {"minus_one", Tensor::Of<int64_t>({1}, {-1})},
  };
  graph.nodes = {
      MakeNode("conv1", "Conv", {"input", "w1"}, {"y1"}),
      MakeNode("norm", "BatchNormalization", {"y1", "gamma", "beta", "mean", "variance"}, {"n1"}),
      MakeNode("relu", "Relu", {"n1"}, {"x2"}),
      MakeNode("conv2a", "Conv", {"x2", "w2a"}, {"y2a"}),
      MakeNode("conv2b", "Conv", {"x2", "w2b"}, {"y2b"}),
      MakeNode("add", "Add", {"y2a", "y2b"}, {"sum"}),
      MakeNode("shape", "Shape", {"sum"}, {"sizes"}),
      MakeNode("batch", "Gather", {"sizes", "zero"}, {"batch_size"}),
      MakeNode("target", "Concat", {"batch_size", "minus_one"}, {"flat_shape"}),
      MakeNode("flat", "Reshape", {"sum", "flat_shape"}, {"flattened"}),
      MakeNode("fc", "Gemm", {"flattened", "wf", "bf"}, {"logits"}),
  };
  graph.nodes[8].attributes["axis"] = int64_t{0};
  graph.nodes[10].attributes["transB"] = int64_t{1};
  return graph;
}

std::shared_ptr<const UniformQuantizer> Source(int bits, Symmetry symmetry, Range range) {
  return std::make_shared<const UniformQuantizer>(
      *UniformQuantizer::Create(bits, symmetry, -1, {range}));
}

std::shared_ptr<const UniformQuantizer> Weights(
    const Tensor& weights, int bits, Symmetry symmetry = Symmetry::kSymmetricRestricted) {
  return std::make_shared<const UniformQuantizer>(
      *CalibrateWeights(weights, bits, symmetry, 0, {}));
}

Graph Folded() { return *FoldBatchNorm(*BindBatch(SmallNetwork(), 1)); }

onnx::ModelProto Export(const QuantizedAssignment& assignment,
                        const Graph& graph = SmallNetwork()) {
  const auto bytes = ExportQuantizedOnnx(graph, assignment);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  onnx::ModelProto model;
  EXPECT_TRUE(bytes.ok() && model.ParseFromString(*bytes));
  return model;
}

const onnx::NodeProto* FindNode(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::NodeProto& node : model.graph().node()) {
    if (node.name() == name) return &node;
  }
  return nullptr;
}

const onnx::NodeProto* Producer(const onnx::ModelProto& model, const std::string& value) {
  for (const onnx::NodeProto& node : model.graph().node()) {
    for (const std::string& output : node.output()) {
      if (output == value) return &node;
    }
  }
  return nullptr;
}

const onnx::TensorProto* Initializer(const onnx::ModelProto& model, const std::string& name) {
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (tensor.name() == name) return &tensor;
  }
  return nullptr;
}

std::vector<float> Floats(const onnx::TensorProto& tensor) {
  const auto* values = reinterpret_cast<const float*>(tensor.raw_data().data());
  return {values, values + tensor.raw_data().size() / sizeof(float)};
}

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
    for (const Symmetry symmetry :
         {Symmetry::kSymmetricRestricted, Symmetry::kSymmetricFull, Symmetry::kAsymmetric}) {
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

TEST(Export, RoundsWideWeightsInFloat) {
  const auto quantizer = Weights(Folded().initializers.at("wf"), 12);
  const onnx::ModelProto model = Export({{"fc", {Precision::Int(12, 8), nullptr, quantizer}}});
  const onnx::TensorProto& stored = *Initializer(model, FindNode(model, "fc")->input(1));
  const Tensor fake = *quantizer->FakeQuantize(Folded().initializers.at("wf"));
  EXPECT_THAT(Floats(stored), testing::ElementsAreArray(fake.data<float>()));
}

// The operators between a layer's src and the value that it came from, nearest last.
std::vector<std::string> OpsBefore(const onnx::ModelProto& model, const std::string& layer,
                                   const std::string& until) {
  std::vector<std::string> ops;
  std::string value = FindNode(model, layer)->input(0);
  while (value != until && Producer(model, value) != nullptr) {
    ops.insert(ops.begin(), Producer(model, value)->op_type());
    value = Producer(model, value)->input(0);
  }
  return ops;
}

TEST(Export, QuantizesSources) {
  const auto ops = [](int bits, Symmetry symmetry) {
    const auto quantizer = Source(bits, symmetry, {-1, 2});
    return OpsBefore(Export({{"conv2a", {Precision::Int(8, bits), quantizer, nullptr}}}), "conv2a",
                     "x2");
  };
  using Ops = std::vector<std::string>;
  EXPECT_EQ(ops(8, Symmetry::kAsymmetric), (Ops{"QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(8, Symmetry::kSymmetricFull), (Ops{"QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(8, Symmetry::kSymmetricRestricted),
            (Ops{"Clip", "QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(4, Symmetry::kAsymmetric), (Ops{"Clip", "QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(12, Symmetry::kAsymmetric), (Ops{"Div", "Clip", "Round", "Mul"}));
  EXPECT_EQ(ops(1, Symmetry::kSymmetricFull), (Ops{"Less", "Where"}));
}

TEST(Export, QuantizesASharedSourceOnce) {
  const auto quantizer = Source(8, Symmetry::kAsymmetric, {0, 3});
  const onnx::ModelProto same = Export(
      {{"conv2a", {Precision::Int(8, 8), quantizer, nullptr}},
       {"conv2b", {Precision::Int(8, 8), Source(8, Symmetry::kAsymmetric, {0, 3}), nullptr}}});
  EXPECT_EQ(FindNode(same, "conv2a")->input(0), FindNode(same, "conv2b")->input(0));
  const onnx::ModelProto other = Export(
      {{"conv2a", {Precision::Int(8, 8), quantizer, nullptr}},
       {"conv2b", {Precision::Int(8, 8), Source(8, Symmetry::kAsymmetric, {0, 2}), nullptr}}});
  EXPECT_NE(FindNode(other, "conv2a")->input(0), FindNode(other, "conv2b")->input(0));
}

// scores = (x w) x'.
Graph ProductNetwork() {
  Graph graph;
  graph.name = "product";
  graph.opset = 13;
  graph.inputs = {{"x", {DataType::kFloat32, {Shape::kDynamic, 4, 6}}}};
  graph.outputs = {{"scores", {DataType::kFloat32, {Shape::kDynamic, 4, 4}}}};
  graph.initializers = {{"w", Random({6, 6}, 1)}};
  graph.nodes = {MakeNode("queries", "MatMul", {"x", "w"}, {"q"}),
                 MakeNode("keys", "Transpose", {"x"}, {"k"}),
                 MakeNode("product", "MatMul", {"q", "k"}, {"scores"})};
  graph.nodes[1].attributes["perm"] = std::vector<int64_t>{0, 2, 1};
  return graph;
}

TEST(Export, QuantizesBothSourcesOfAProduct) {
  const auto first = Source(8, Symmetry::kAsymmetric, {-1, 2});
  const auto second = Source(4, Symmetry::kAsymmetric, {-3, 1});
  const onnx::ModelProto model =
      Export({{"product", {Precision::Int(2, 8), first, second}}}, ProductNetwork());
  const onnx::NodeProto& product = *FindNode(model, "product");
  const auto dequantize = [&](int input) { return *Producer(model, product.input(input)); };
  const auto scale_of = [&](int input) {
    return Floats(*Initializer(model, dequantize(input).input(1)))[0];
  };
  EXPECT_EQ(dequantize(0).op_type(), "DequantizeLinear");
  EXPECT_EQ(dequantize(1).op_type(), "DequantizeLinear");
  EXPECT_EQ(scale_of(0), first->scales[0]);
  EXPECT_EQ(scale_of(1), second->scales[0]);
  const auto source_of = [&](int input) {
    return Producer(model, dequantize(input).input(0))->input(0);
  };
  EXPECT_EQ(source_of(0), "q");
  const onnx::NodeProto& clip = *Producer(model, source_of(1));
  EXPECT_EQ(clip.op_type(), "Clip") << "4 bits in a byte";
  EXPECT_EQ(clip.input(0), "k");
  EXPECT_EQ(product.doc_string(), "halftone: w2a8");
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
