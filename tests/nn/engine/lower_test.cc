#include "nn/engine/lower.h"

#include <memory>
#include <ostream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/derivative.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/convolution.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/passes.h"
#include "tests/nn/engine/run_program.h"

// Lowering of hand-made nodes, where ONNX's own backend tests do not reach.
namespace halftone {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;

Tensor Ints(std::vector<int64_t> values) {
  const auto size = static_cast<int64_t>(values.size());
  return Tensor::Of<int64_t>(Shape{size}, std::move(values));
}

// A graph of one node "n" from input "x" to output "y".
struct OneNode {
  explicit OneNode(std::string op, Shape x, int64_t opset = 13) {
    graph.opset = opset;
    graph.inputs = {{"x", {DataType::kFloat32, x}}};
    graph.outputs = {{"y", {DataType::kFloat32, Shape()}}};
    graph.nodes = {Node{"n", std::move(op), "", {"x"}, {"y"}, {}}};
  }
  OneNode& With(std::string attribute, Attribute value) {
    graph.nodes[0].attributes[std::move(attribute)] = std::move(value);
    return *this;
  }
  OneNode& Constant(Tensor tensor) {
    const std::string name = "c" + std::to_string(graph.initializers.size());
    graph.nodes[0].inputs.push_back(name);
    graph.initializers[name] = std::move(tensor);
    return *this;
  }
  OneNode& NoInput() {
    graph.nodes[0].inputs.push_back("");
    return *this;
  }

  absl::StatusOr<Graph> Bound() const {
    return BindBatch(graph, graph.inputs[0].info.shape.dim(0));
  }

  Graph graph;
};

std::vector<float> Evaluate(const OneNode& one, const std::vector<float>& x) {
  const auto bound = one.Bound();
  EXPECT_TRUE(bound.ok()) << bound.status();
  if (!bound.ok()) return {};
  const auto lowered = LowerGraph(*bound);
  EXPECT_TRUE(lowered.ok()) << lowered.status();
  if (!lowered.ok()) return {};
  const auto run = RunProgram(lowered->builder, {{"y", lowered->values.at("y")}}, {{"x", x}});
  EXPECT_TRUE(run.ok()) << run.status();
  return run.ok() ? run->at("y") : std::vector<float>();
}

// oneDNN's fast code takes no padding that is as wide as the kernel.
TEST(LowerConvTest, PaddingAsWideAsTheKernelIsAStepOfItsOwn) {
  const OneNode node = OneNode("Conv", Shape{1, 1, 3})
                           .With("pads", std::vector<int64_t>{3, 1})
                           .Constant(Tensor::Of<float>(Shape{1, 1, 2}, {1, 10}));
  EXPECT_THAT(Evaluate(node, {1, 2, 3}), ElementsAre(0, 0, 10, 21, 32, 3));
  const auto lowered = LowerGraph(node.Bound().value());
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  bool found = false;
  for (const Instruction& instruction : lowered->builder.program().instructions) {
    if (instruction.op->kind() != OpKind::kConvolution) continue;
    found = true;
    const auto& convolution = static_cast<const ConvolutionOp&>(*instruction.op);
    EXPECT_THAT(convolution.attributes.pads_begin, ElementsAre(0));
    EXPECT_THAT(convolution.attributes.pads_end, ElementsAre(1)) << "narrower ones stay";
  }
  EXPECT_TRUE(found);
}

TEST(LowerPoolTest, CeilModeWithCountedPaddingDividesByWhatLiesOnThePaddedSource) {
  const OneNode node = OneNode("AveragePool", Shape{1, 1, 4})
                           .With("kernel_shape", std::vector<int64_t>{3})
                           .With("strides", std::vector<int64_t>{2})
                           .With("pads", std::vector<int64_t>{1, 0})
                           .With("ceil_mode", int64_t{1})
                           .With("count_include_pad", int64_t{1});
  // Windows [pad 1 2] / 3, [2 3 4] / 3; one element of padding before, none after.
  EXPECT_THAT(Evaluate(node, {1, 2, 3, 4}), ElementsAre(1, 3));
  OneNode longer = node;
  longer.graph.inputs[0].info.shape = Shape{1, 1, 5};
  // The third window [4 5] overhangs: its mean is over two.
  EXPECT_THAT(Evaluate(longer, {1, 2, 3, 4, 5}), ElementsAre(1, 3, 4.5f));
}

TEST(LowerPoolTest, CeilModeOfMaximum) {
  EXPECT_THAT(Evaluate(OneNode("MaxPool", Shape{1, 1, 4})
                           .With("kernel_shape", std::vector<int64_t>{3})
                           .With("strides", std::vector<int64_t>{2})
                           .With("ceil_mode", int64_t{1}),
                       {1, 2, 3, -4}),
              ElementsAre(3, 3));
}

TEST(LowerPoolTest, CeilModeAddsNoWindowBehindTheSource) {
  EXPECT_THAT(Evaluate(OneNode("MaxPool", Shape{1, 1, 2})
                           .With("kernel_shape", std::vector<int64_t>{1})
                           .With("strides", std::vector<int64_t>{2})
                           .With("ceil_mode", int64_t{1}),
                       {1, 2}),
              ElementsAre(1));
  // [pad 1] and [3 4]; a third would begin on the padding behind.
  EXPECT_THAT(Evaluate(OneNode("MaxPool", Shape{1, 1, 4})
                           .With("kernel_shape", std::vector<int64_t>{2})
                           .With("strides", std::vector<int64_t>{3})
                           .With("pads", std::vector<int64_t>{1, 2})
                           .With("ceil_mode", int64_t{1}),
                       {1, 2, 3, 4}),
              ElementsAre(1, 4));
}

TEST(LowerPoolTest, AveragesWithHoles) {
  OneNode node = OneNode("AveragePool", Shape{1, 1, 5}, 19)
                     .With("kernel_shape", std::vector<int64_t>{2})
                     .With("dilations", std::vector<int64_t>{3})
                     .With("pads", std::vector<int64_t>{2, 1});
  // Elements -2 and 1, -1 and 2, 0 and 3, 1 and 4, 2 and 5.
  EXPECT_THAT(Evaluate(node, {1, 2, 3, 4, 6}), ElementsAre(2, 3, 2.5f, 4, 3));
  node.With("count_include_pad", int64_t{1});
  EXPECT_THAT(Evaluate(node, {1, 2, 3, 4, 6}), ElementsAre(1, 1.5f, 2.5f, 4, 1.5f));
}

TEST(LowerPoolTest, Norms) {
  OneNode node = OneNode("LpPool", Shape{1, 1, 4})
                     .With("kernel_shape", std::vector<int64_t>{2})
                     .With("strides", std::vector<int64_t>{2});
  EXPECT_THAT(Evaluate(node, {3, -4, 0, 0}), ElementsAre(5, 0));
  node.With("p", int64_t{1}).With("pads", std::vector<int64_t>{1, 1});
  EXPECT_THAT(Evaluate(node, {3, -4, 1, 2}), ElementsAre(3, 5, 2));
}

TEST(LowerPoolTest, ANormOfZerosHasTheDerivativeZero) {
  const Graph bound = OneNode("LpPool", Shape{1, 1, 4})
                          .With("kernel_shape", std::vector<int64_t>{2})
                          .With("strides", std::vector<int64_t>{2})
                          .Bound()
                          .value();
  LoweredGraph lowered = LowerGraph(bound).value();
  ProgramBuilder& builder = lowered.builder;
  const ValueId one = builder.AddConstant(Tensor::Of<float>(Shape{1, 1, 2}, {1, 1}));
  const ValueId diff =
      AppendVjp(builder, {lowered.values.at("y")}, {one}, {lowered.values.at("x")}).value()[0];
  const NamedFloats run = RunProgram(builder, {{"diff", diff}}, {{"x", {0, 0, 3, -4}}}).value();
  EXPECT_THAT(run.at("diff"), ElementsAre(0, 0, FloatEq(0.6f), FloatEq(-0.8f)));
}

TEST(LowerSelectionTest, SlicesBackwards) {
  EXPECT_THAT(Evaluate(OneNode("Slice", Shape{2, 3})
                           .Constant(Ints({1, -1}))
                           .Constant(Ints({2, -4}))
                           .Constant(Ints({0, 1}))
                           .Constant(Ints({1, -2})),
                       {1, 2, 3, 4, 5, 6}),
              ElementsAre(6, 4));
}

TEST(LowerSelectionTest, PadsAndCrops) {
  EXPECT_THAT(Evaluate(OneNode("Pad", Shape{2, 3})
                           .Constant(Ints({0, -1, 1, 1}))
                           .Constant(Tensor::Of<float>(Shape{1}, {7})),
                       {1, 2, 3, 4, 5, 6}),
              ElementsAre(2, 3, 7, 5, 6, 7, 7, 7, 7));
}

TEST(LowerSelectionTest, ReflectsFurtherThanTheSourceIsLong) {
  EXPECT_THAT(Evaluate(OneNode("Pad", Shape{1, 3})
                           .With("mode", std::string("reflect"))
                           .Constant(Ints({0, 3, 0, 4})),
                       {1, 2, 3}),
              ElementsAre(2, 3, 2, 1, 2, 3, 2, 1, 2, 3));
}

TEST(LowerSelectionTest, WrapsFurtherThanTheSourceIsLong) {
  EXPECT_THAT(Evaluate(OneNode("Pad", Shape{1, 3}, 19)
                           .With("mode", std::string("wrap"))
                           .Constant(Ints({0, 4, 0, 2})),
                       {1, 2, 3}),
              ElementsAre(3, 1, 2, 3, 1, 2, 3, 1, 2));
}

TEST(LowerSelectionTest, PadAttributesOfOpset9) {
  EXPECT_THAT(Evaluate(OneNode("Pad", Shape{1, 2}, 9)
                           .With("pads", std::vector<int64_t>{0, 1, 0, 0})
                           .With("value", 3.0f),
                       {1, 2}),
              ElementsAre(3, 1, 2));
}

// As ONNX Runtime 1.32 rounds: down where there will be more elements, up where there will be less.
TEST(LowerSelectionTest, ResizeOfOpset10IsAsymmetric) {
  const auto resize = [](std::vector<float> src, float scale) {
    const Shape shape{1, static_cast<int64_t>(src.size())};
    return Evaluate(OneNode("Resize", shape, 10).Constant(Tensor::Of<float>(Shape{2}, {1, scale})),
                    src);
  };
  EXPECT_THAT(resize({1, 2, 3}, 1.5f), ElementsAre(1, 1, 2, 3));
  EXPECT_THAT(resize({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, 0.6f),
              ElementsAre(0, 2, 4, 5, 7, 9, 10, 12, 14, 15, 17, 19));
}

TEST(LowerSelectionTest, CropsAndPadsAroundTheCenter) {
  EXPECT_THAT(
      Evaluate(OneNode("CenterCropPad", Shape{1, 4}, 18).Constant(Ints({2, 1})), {1, 2, 3, 4}),
      ElementsAre(2, 0));
  EXPECT_THAT(Evaluate(OneNode("CenterCropPad", Shape{1, 2}, 18)
                           .With("axes", std::vector<int64_t>{-1})
                           .Constant(Ints({5})),
                       {1, 2}),
              ElementsAre(0, 1, 2, 0, 0));
}

// At half the size the linear kernel is four elements wide.
TEST(LowerSelectionTest, ResizesWithoutAliasing) {
  const OneNode node = OneNode("Resize", Shape{1, 8}, 18)
                           .With("mode", std::string("linear"))
                           .With("antialias", int64_t{1})
                           .With("exclude_outside", int64_t{1})
                           .NoInput()
                           .Constant(Tensor::Of<float>(Shape{2}, {1, 0.5f}));
  // Weights 1/8 3/8 3/8 1/8 around each pair, those beyond the border left out.
  EXPECT_THAT(Evaluate(node, {0, 0, 0, 0, 8, 0, 0, 0}), ElementsAre(0, 1, 3, 0));
  EXPECT_THAT(Evaluate(node, {7, 0, 0, 0, 0, 0, 0, 0}), ElementsAre(FloatEq(3), 0, 0, 0));
}

// 4 elements by 0.6 are 2.4, of which 2 are left, around the center of the source: at 0.667
// and 2.333 (half_pixel: 0.333 and 2).
TEST(LowerSelectionTest, ResizesAroundTheCenter) {
  const std::vector<float> dst =
      Evaluate(OneNode("Resize", Shape{1, 4}, 19)
                   .With("mode", std::string("linear"))
                   .With("coordinate_transformation_mode", std::string("half_pixel_symmetric"))
                   .NoInput()
                   .Constant(Tensor::Of<float>(Shape{2}, {1, 0.6f})),
               {1, 2, 3, 4});
  ASSERT_EQ(dst.size(), 2u);
  EXPECT_NEAR(dst[0], 1 + 2.0 / 3, 1e-5);
  EXPECT_NEAR(dst[1], 1 + 7.0 / 3, 1e-5);
}

TEST(LowerSelectionTest, ResizeKeepsTheAspectRatio) {
  // 2 x 4 into 3 x 4 at most: the scale is 1.
  EXPECT_THAT(Evaluate(OneNode("Resize", Shape{2, 4}, 18)
                           .With("keep_aspect_ratio_policy", std::string("not_larger"))
                           .NoInput()
                           .NoInput()
                           .Constant(Ints({3, 4})),
                       {1, 2, 3, 4, 5, 6, 7, 8}),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(LowerSelectionTest, RegionsOfNamedAxes) {
  EXPECT_THAT(
      Evaluate(OneNode("Resize", Shape{1, 5}, 18)
                   .With("mode", std::string("linear"))
                   .With("coordinate_transformation_mode", std::string("tf_crop_and_resize"))
                   .With("axes", std::vector<int64_t>{1})
                   .Constant(Tensor::Of<float>(Shape{2}, {0.25f, 0.75f}))
                   .NoInput()
                   .Constant(Ints({3})),
               {0, 1, 2, 3, 4}),
      ElementsAre(1, 2, 3));
}

TEST(LowerSelectionTest, ScattersSeveralUpdatesToOnePlace) {
  const auto scattered = [](const char* reduction) {
    return Evaluate(OneNode("ScatterElements", Shape{3}, 18)
                        .With("reduction", std::string(reduction))
                        .Constant(Ints({1, 1, 0, 1}))
                        .Constant(Tensor::Of<float>(Shape{4}, {5, -7, 2, 6})),
                    {3, 4, 9});
  };
  EXPECT_THAT(scattered("max"), ElementsAre(3, 6, 9));
  EXPECT_THAT(scattered("min"), ElementsAre(2, -7, 9));
  EXPECT_THAT(scattered("mul"), ElementsAre(6, -840, 9));
  EXPECT_THAT(scattered("add"), ElementsAre(5, 8, 9));
}

TEST(LowerSelectionTest, BitsOfConstantsFold) {
  OneNode node = OneNode("Slice", Shape{4});
  node.graph.initializers = {
      {"a", Ints({6})}, {"b", Ints({3})}, {"axis", Ints({0})}, {"end", Ints({4})}};
  // (6 & 3) ^ ~(-2) = 2 ^ 1 = 3
  node.graph.initializers["c"] = Ints({-2});
  node.graph.nodes = {Node{"and", "BitwiseAnd", "", {"a", "b"}, {"ab"}, {}},
                      Node{"not", "BitwiseNot", "", {"c"}, {"nc"}, {}},
                      Node{"xor", "BitwiseXor", "", {"ab", "nc"}, {"start"}, {}},
                      Node{"n", "Slice", "", {"x", "start", "end", "axis"}, {"y"}, {}}};
  node.graph.opset = 18;
  EXPECT_THAT(Evaluate(node, {1, 2, 3, 4}), ElementsAre(4));
}

TEST(LowerSelectionTest, GathersRowsWithNegativeIndices) {
  EXPECT_THAT(
      Evaluate(OneNode("Gather", Shape{3, 2}).With("axis", int64_t{0}).Constant(Ints({-1, 0, -1})),
               {1, 2, 3, 4, 5, 6}),
      ElementsAre(5, 6, 1, 2, 5, 6));
}

TEST(LowerReductionTest, SoftmaxOfOpset12FlattensFromItsAxis) {
  const auto y = Evaluate(OneNode("Softmax", Shape{2, 2, 2}, 12), {0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(y, testing::Each(0.25f));
}

TEST(LowerElementwiseTest, ClipToPositiveIsRelu) {
  const Graph bound = OneNode("Clip", Shape{1, 3}, 9).With("min", 0.0f).Bound().value();
  const LoweredGraph lowered = LowerGraph(bound).value();
  EXPECT_EQ(lowered.builder.program().instructions[0].op->name(), "Unary.Relu");
  EXPECT_EQ(lowered.builder.program().instructions[0].label, "n");
}

TEST(LowerElementwiseTest, ClipWithBoundsOutOfOrderIsItsUpperBound) {
  const OneNode attributes = OneNode("Clip", Shape{1, 3}, 9).With("min", 2.0f).With("max", -1.0f);
  EXPECT_THAT(Evaluate(attributes, {-3, 0, 3}), ElementsAre(-1, -1, -1));
  OneNode inputs("Clip", Shape{1, 3});
  inputs.Constant(Tensor::Scalar(2.0f)).Constant(Tensor::Scalar(-1.0f));
  EXPECT_THAT(Evaluate(inputs, {-3, 0, 3}), ElementsAre(-1, -1, -1));
}

TEST(LowerElementwiseTest, PowWithConstantIntegerExponent) {
  EXPECT_THAT(
      Evaluate(OneNode("Pow", Shape{1, 3}).Constant(Tensor::Scalar<int64_t>(3)), {1, -2, 3}),
      ElementsAre(1, -8, 27));
}

TEST(LowerElementwiseTest, QuotientsOfIntegersAreTruncated) {
  OneNode node("Div", Shape{4});
  node.graph.inputs[0].info.type = DataType::kInt32;
  node.Constant(Tensor::FromInts(DataType::kInt32, Shape{}, {2}));
  EXPECT_THAT(Evaluate(node, {7, -7, 4, -1}), ElementsAre(3, -3, 2, 0));
}

TEST(LowerSelectionTest, GathersAtIndicesOfTheRun) {
  OneNode node("Gather", Shape{2, 2});
  node.graph.inputs[0].info.type = DataType::kInt64;
  node.graph.nodes[0].inputs = {"table", "x"};
  node.graph.initializers["table"] = Tensor::Of<float>(Shape{3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(Evaluate(node, {2, 0, -1, 1}), ElementsAre(5, 6, 1, 2, 5, 6, 3, 4));
}

TEST(LowerReductionTest, NormOfZerosHasTheDerivativeZero) {
  const Graph bound =
      OneNode("ReduceL2", Shape{2, 2}).With("axes", std::vector<int64_t>{1}).Bound().value();
  LoweredGraph lowered = LowerGraph(bound).value();
  ProgramBuilder& builder = lowered.builder;
  const ValueId one = builder.AddConstant(Tensor::Of<float>(Shape{2, 1}, {1, 1}));
  const ValueId diff =
      AppendVjp(builder, {lowered.values.at("y")}, {one}, {lowered.values.at("x")}).value()[0];
  const NamedFloats run = RunProgram(builder, {{"diff", diff}}, {{"x", {0, 0, 3, 4}}}).value();
  EXPECT_THAT(run.at("diff"), ElementsAre(0, 0, 0.6f, 0.8f));
}

TEST(LowerErrorTest, IntegersThatFloatsCannotHold) {
  const Graph bound = OneNode("Add", Shape{1}).Constant(Ints({(int64_t{1} << 24) + 1})).graph;
  Graph integers = bound;
  integers.inputs[0].info.type = DataType::kInt64;
  const absl::Status status = LowerGraph(BindBatch(integers, 1).value()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), HasSubstr("16777217"));
}

// Import promises what LowerGraph must keep.
TEST(LowerTableTest, EveryOperatorThatRunsHasALowering) {
  for (const absl::Span<const Operator> family : OperatorFamilies()) {
    for (const Operator& op : family) {
      if (op.runs == Runs::kNever) continue;
      EXPECT_NE(FindLowering("", op.name), nullptr) << std::string(op.name);
    }
  }
}

TEST(LowerErrorTest, AxesTooLongToPickFrom) {
  const Graph bound = OneNode("Resize", Shape{1, 1})
                          .NoInput()
                          .NoInput()
                          .Constant(Ints({1, int64_t{1} << 31}))
                          .Bound()
                          .value();
  const absl::Status status = LowerGraph(bound).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2147483648 elements"));
}

TEST(LowerErrorTest, UnknownOperatorIsNamedWithItsNode) {
  Graph graph = OneNode("Relu", Shape{1, 3}).Bound().value();
  graph.nodes[0].op = "FancyAct";
  const absl::Status status = LowerGraph(graph).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("FancyAct"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'n'"));
}

TEST(LowerErrorTest, OtherDomainsAreNotOnnx) {
  Graph graph = OneNode("Relu", Shape{1, 3}).Bound().value();
  graph.nodes[0].domain = "com.example";
  EXPECT_EQ(LowerGraph(graph).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(LowerErrorTest, InputsMustBeFloatAndBound) {
  Graph graph = OneNode("Relu", Shape{1, 3}).Bound().value();
  graph.inputs[0].info.type = DataType::kFloat64;
  EXPECT_EQ(LowerGraph(graph).status().code(), absl::StatusCode::kUnimplemented);
  graph.inputs[0].info = {DataType::kFloat32, Shape{Shape::kDynamic, 3}};
  EXPECT_EQ(LowerGraph(graph).status().code(), absl::StatusCode::kInvalidArgument);
}

class LowerLayersTest : public testing::Test {
 protected:
  LowerLayersTest() {
    OneNode node("Gemm", Shape{1, 2});
    node.With("alpha", 2.0f).With("beta", 3.0f).With("transB", int64_t{1});
    node.Constant(Tensor::Of<float>(Shape{2, 2}, {1, 2, 3, 4}));
    node.Constant(Tensor::Of<float>(Shape{2}, {10, 20}));
    graph_ = node.Bound().value();
  }
  Graph graph_;
};

TEST_F(LowerLayersTest, GemmWithAllItsAttributes) {
  const LoweredGraph lowered = LowerGraph(graph_).value();
  const NamedFloats run =
      RunProgram(lowered.builder, {{"y", lowered.values.at("y")}}, {{"x", {1, 1}}}).value();
  EXPECT_THAT(run.at("y"), ElementsAre(2 * 3 + 30, 2 * 7 + 60));
}

TEST_F(LowerLayersTest, OptionLowersLayersOtherwise) {
  LowerOptions options;
  std::vector<std::string> seen;
  options.lower_layer = [&](ProgramBuilder& builder, const Node& node, LayerSources sources,
                            ValueId bias) -> absl::StatusOr<ValueId> {
    seen.push_back(node.name);
    EXPECT_EQ(builder.shape(sources.src), (Shape{1, 2}));
    EXPECT_NE(builder.FindConstant(sources.weights), nullptr);
    sources.src = ops::Scale(builder, sources.src, 10.0f).value();
    return LowerLayer(builder, graph_, node, sources, bias);
  };
  const LoweredGraph lowered = LowerGraph(graph_, options).value();
  const NamedFloats run =
      RunProgram(lowered.builder, {{"y", lowered.values.at("y")}}, {{"x", {1, 1}}}).value();
  EXPECT_THAT(run.at("y"), ElementsAre(2 * 30 + 30, 2 * 70 + 60));
  EXPECT_THAT(seen, ElementsAre("n"));
}

TEST_F(LowerLayersTest, ErrorsOfTheOptionNameTheNode) {
  LowerOptions options;
  options.lower_layer = [](ProgramBuilder&, const Node&, const LayerSources&,
                           ValueId) -> absl::StatusOr<ValueId> {
    return absl::FailedPreconditionError("no quantizer");
  };
  const absl::Status status = LowerGraph(graph_, options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'n'"));
}

TEST_F(LowerLayersTest, LowerLayerEvaluatesAgainWithOtherSources) {
  LoweredGraph lowered = LowerGraph(graph_).value();
  ProgramBuilder& builder = lowered.builder;
  const ValueId src = builder.AddInput("other", Shape{1, 2});
  const ValueId weights = lowered.values.at(graph_.nodes[0].inputs[1]);
  const ValueId again =
      LowerLayer(builder, graph_, graph_.nodes[0], {src, weights}, kNoValue).value();
  const NamedFloats run =
      RunProgram(builder, {{"again", again}}, {{"x", {0, 0}}, {"other", {1, 0}}}).value();
  EXPECT_THAT(run.at("again"), ElementsAre(2, 6));
  EXPECT_EQ(LowerLayer(builder, graph_, Node{"r", "Relu", "", {}, {}, {}}, {src, weights}, kNoValue)
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

struct MatMulCase {
  Shape a, b, y;
};

void PrintTo(const MatMulCase& c, std::ostream* out) {
  *out << c.a.ToString() << " by " << c.b.ToString();
}

class LowerMatMulTest : public testing::TestWithParam<MatMulCase> {};

// All ones: each element of the product is the inner size.
TEST_P(LowerMatMulTest, FollowsNumpyOnEveryRank) {
  const MatMulCase& c = GetParam();
  const auto count = [](const Shape& shape) { return static_cast<size_t>(shape.Elements()); };
  OneNode node("MatMul", c.a);
  node.Constant(Tensor::Of<float>(c.b, std::vector<float>(count(c.b), 1.0f)));
  const Graph bound = node.Bound().value();
  EXPECT_EQ(bound.values.at("y").shape, c.y);
  const auto y = Evaluate(node, std::vector<float>(count(c.a), 1.0f));
  EXPECT_EQ(y.size(), count(c.y));
  EXPECT_THAT(y, testing::Each(static_cast<float>(c.a.dim(c.a.rank() - 1))));
}

INSTANTIATE_TEST_SUITE_P(
    Ranks, LowerMatMulTest,
    testing::Values(MatMulCase{{2, 3}, {3, 4}, {2, 4}}, MatMulCase{{3}, {3, 4}, {4}},
                    MatMulCase{{2, 3}, {3}, {2}}, MatMulCase{{3}, {3}, {}},
                    MatMulCase{{5, 2, 3}, {3, 4}, {5, 2, 4}}, MatMulCase{{5, 2, 3}, {3}, {5, 2}},
                    MatMulCase{{3}, {5, 3, 4}, {5, 4}}, MatMulCase{{2, 3}, {5, 3, 4}, {5, 2, 4}},
                    MatMulCase{{6, 1, 2, 3}, {5, 3, 4}, {6, 5, 2, 4}}));

}  // namespace
}  // namespace halftone
