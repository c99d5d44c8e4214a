// How the sources of layers are quantized in an exported model.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "nn/quant/range_estimator.h"
#include "tests/nn/onnx/exported.h"

namespace halftone {
namespace {

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
            (Ops{"Max", "QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(4, Symmetry::kAsymmetric), (Ops{"Min", "QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(4, Symmetry::kSymmetricFull),
            (Ops{"Max", "Min", "QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(12, Symmetry::kAsymmetric), (Ops{"Div", "Clip", "Round", "Mul"}));
  EXPECT_EQ(ops(1, Symmetry::kSymmetricFull), (Ops{"Less", "Where"}));
}

// A number that limits a narrow grid is one of the grid, so that it divides to its integer.
TEST(Export, LimitsNarrowGridsAtTheirEnds) {
  const auto quantizer = Source(4, Symmetry::kSymmetricFull, {-1, 2});
  const onnx::ModelProto model = Export({{"conv2a", {Precision::Int(8, 4), quantizer, nullptr}}});
  std::map<std::string, float> limits;
  for (const onnx::NodeProto& node : model.graph().node()) {
    if (node.op_type() != "Max" && node.op_type() != "Min") continue;
    limits[node.op_type()] = Floats(*Initializer(model, node.input(1)))[0];
  }
  const float scale = quantizer->scales[0];
  EXPECT_EQ(limits, (std::map<std::string, float>{{"Max", -8 * scale}, {"Min", 7 * scale}}));
}

// ONNX Runtime would round conv1's bias to src scale * weights scale, and float weights to 8 bits,
// for the QuantizeLinear behind the Relu.
TEST(Export, KeepsBiasesAndFloatWeightsWhereAStepOfProductsIsCoarse) {
  const Tensor weights = Folded().initializers.at("w1");
  const auto ops = [&](const LayerQuantizers& conv1) {
    const auto reader = Source(8, Symmetry::kAsymmetric, {0, 2});
    return OpsBefore(
        Export({{"conv1", conv1}, {"conv2a", {Precision::Int(8, 8), reader, nullptr}}}), "conv2a",
        "x2");
  };
  const auto source = [](int bits) { return Source(bits, Symmetry::kAsymmetric, {-1, 2}); };
  using Ops = std::vector<std::string>;
  const Ops plain = {"QuantizeLinear", "DequantizeLinear"};
  const Ops guarded = {"Min", "QuantizeLinear", "DequantizeLinear"};
  EXPECT_EQ(ops({Precision::Int(8, 8), source(8), Weights(weights, 8)}), plain);
  EXPECT_EQ(ops({Precision::Int(4, 8), source(8), Weights(weights, 4)}), plain);
  EXPECT_EQ(ops({Precision::Int(2, 2), source(2), Weights(weights, 2)}), guarded);
  EXPECT_EQ(ops({Precision::Int(12, 8), source(8), Weights(weights, 12)}), guarded);
  EXPECT_EQ(ops({*Precision::Parse("a8"), source(8), nullptr}), guarded);
  EXPECT_EQ(ops({*Precision::Parse("w2"), nullptr, Weights(weights, 2)}), plain)
      << "no integers come in";
  EXPECT_EQ(ops({Precision::Int(2, 12), source(12), Weights(weights, 2)}), plain);
}

// x w + b, once more times w; the bias is an Add of its own, as torch writes it.
Graph LinearNetwork() {
  Graph graph;
  graph.name = "linear";
  graph.opset = 13;
  graph.inputs = {{"x", {DataType::kFloat32, {Shape::kDynamic, 6}}}};
  graph.outputs = {{"y", {DataType::kFloat32, {Shape::kDynamic, 6}}}};
  graph.initializers = {{"w", Random({6, 6}, 1)}, {"b", Random({6}, 2)}};
  graph.nodes = {MakeNode("first", "MatMul", {"x", "w"}, {"products"}),
                 MakeNode("bias", "Add", {"b", "products"}, {"sums"}),
                 MakeNode("second", "MatMul", {"sums", "w"}, {"y"})};
  return graph;
}

TEST(Export, KeepsABiasThatIsAddedAfterwards) {
  const Graph graph = LinearNetwork();
  const auto ops = [&](int bits) {
    const auto weights = std::make_shared<const UniformQuantizer>(
        *CalibrateWeights(graph.initializers.at("w"), bits, Symmetry::kSymmetricRestricted, 1, {}));
    const auto source = [](int width) { return Source(width, Symmetry::kAsymmetric, {-1, 1}); };
    return OpsBefore(Export({{"first", {Precision::Int(bits, bits), source(bits), weights}},
                             {"second", {Precision::Int(bits, 8), source(8), weights}}},
                            graph),
                     "second", "sums");
  };
  using Ops = std::vector<std::string>;
  EXPECT_EQ(ops(8), (Ops{"QuantizeLinear", "DequantizeLinear"}));
  EXPECT_EQ(ops(2), (Ops{"Min", "QuantizeLinear", "DequantizeLinear"}));
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
  const onnx::NodeProto& limit = *Producer(model, source_of(1));
  EXPECT_EQ(limit.op_type(), "Min") << "4 bits in a byte";
  EXPECT_EQ(limit.input(0), "k");
  EXPECT_EQ(product.doc_string(), "halftone: w2a8");
}

}  // namespace
}  // namespace halftone
