// Batch-norm folding, activations, output heads.
#include "nn/graph/passes.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Attributes = GraphBuilder::Attributes;
constexpr int64_t kN = Shape::kDynamic;

Graph Bound(const GraphBuilder& builder) {
  absl::StatusOr<Graph> bound = BindBatch(builder.graph(), 2);
  EXPECT_TRUE(bound.ok()) << bound.status();
  return bound.ok() ? *std::move(bound) : Graph();
}

Graph Folded(const GraphBuilder& builder) {
  absl::StatusOr<Graph> folded = FoldBatchNorm(Bound(builder));
  EXPECT_TRUE(folded.ok()) << folded.status();
  EXPECT_TRUE(CheckGraph(*folded).ok()) << CheckGraph(*folded);
  return *std::move(folded);
}

std::vector<float> Values(const Graph& graph, const std::string& name) {
  return *graph.initializers.at(name).ToFloats();
}

// With epsilon 0 the scales gamma / sqrt(var) are 0.5 and 0.5, the shifts -1 and -3.5.
GraphBuilder& AddStatistics(GraphBuilder& builder) {
  return builder.Floats("gamma", {2}, {2, 3})
      .Floats("beta", {2}, {1, -1})
      .Floats("mean", {2}, {4, 5})
      .Floats("var", {2}, {16, 36});
}
const Attributes kExact = {{"epsilon", 0.0f}};

TEST(FoldBatchNormTest, IntoAGroupedConvolutionWithBias) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2, 3, 3}).Floats("c.weight", {2, 1, 1, 1}, {8, 6});
  builder.Floats("c.bias", {2}, {2, 4});
  builder.Op("Conv", {"x", "c.weight", "c.bias"}, {"c"}, {{"group", int64_t{2}}});
  AddStatistics(builder).Op("BatchNormalization", {"c", "gamma", "beta", "mean", "var"}, {"b"},
                            kExact);
  builder.Op("Relu", {"b"}, {"y"}).Output("y");
  const Graph folded = Folded(builder);
  ASSERT_EQ(folded.nodes.size(), 2);
  EXPECT_EQ(folded.nodes[0].name, "c");
  EXPECT_THAT(folded.nodes[0].inputs, ElementsAre("x", "c.weight", "c.bias"));
  EXPECT_THAT(folded.nodes[0].outputs, ElementsAre("b"));
  EXPECT_THAT(Values(folded, "c.weight"), ElementsAre(4, 3));
  EXPECT_THAT(Values(folded, "c.bias"), ElementsAre(0, -1.5f));
  EXPECT_EQ(folded.initializers.size(), 2);
}

TEST(FoldBatchNormTest, GivesABiasWhereThereWasNone) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2, 3, 3}).Floats("c.weight", {2, 2, 1, 1}, {2, 4, 6, 8});
  builder.Op("Conv", {"x", "c.weight"}, {"c"});
  AddStatistics(builder).Op("BatchNormalization", {"c", "gamma", "beta", "mean", "var"}, {"y"},
                            kExact);
  const Graph folded = Folded(builder.Output("y"));
  EXPECT_THAT(Values(folded, "c.weight"), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(folded.nodes[0].inputs[2], "c.bias");
  EXPECT_THAT(Values(folded, "c.bias"), ElementsAre(-1, -3.5f));
}

TEST(FoldBatchNormTest, IntoGemmInBothLayoutsAndWithBeta) {
  for (const int64_t transposed : {0, 1}) {
    GraphBuilder builder;
    builder.Input("x", {kN, 3});
    builder.Floats("w", transposed == 0 ? Shape{3, 2} : Shape{2, 3}, {2, 4, 6, 8, 10, 12});
    builder.Floats("bias", {2}, {2, 4});
    builder.Op("Gemm", {"x", "w", "bias"}, {"g"}, {{"transB", transposed}, {"beta", 0.5f}});
    AddStatistics(builder).Floats("twos", {2}, {1, 3}).Op("Mul", {"g", "twos"}, {"m"});
    builder.Op("Add", {"beta", "m"}, {"y"}).Output("y");
    const Graph folded = Folded(builder);
    ASSERT_EQ(folded.nodes.size(), 1);
    EXPECT_FALSE(folded.nodes[0].Has("beta"));
    if (transposed == 0) {
      EXPECT_THAT(Values(folded, "w"), ElementsAre(2, 12, 6, 24, 10, 36));
    } else {
      EXPECT_THAT(Values(folded, "w"), ElementsAre(2, 4, 6, 24, 30, 36));
    }
    // (0.5 * bias) * scale + shift
    EXPECT_THAT(Values(folded, "bias"), ElementsAre(2, 5));
  }
}

TEST(FoldBatchNormTest, AMatMulKeepsTheShiftAsAnAdd) {
  GraphBuilder builder;
  builder.Input("x", {kN, 3}).Floats("w", {3, 2}, {2, 4, 6, 8, 10, 12});
  builder.Op("MatMul", {"x", "w"}, {"g"});
  AddStatistics(builder).Op("BatchNormalization", {"g", "gamma", "beta", "mean", "var"}, {"y"},
                            kExact);
  const Graph folded = Folded(builder.Output("y"));
  ASSERT_EQ(folded.nodes.size(), 2);
  EXPECT_THAT(Values(folded, "w"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(folded.nodes[1].op, "Add");
  EXPECT_THAT(Values(folded, folded.nodes[1].inputs[1]), ElementsAre(-1, -3.5f));
  EXPECT_THAT(folded.nodes[1].outputs, ElementsAre("y"));
}

TEST(FoldBatchNormTest, StandsAloneAsMulAndAdd) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2, 3, 3});
  AddStatistics(builder).Op("BatchNormalization", {"x", "gamma", "beta", "mean", "var"}, {"y"},
                            kExact);
  const Graph folded = Folded(builder.Output("y"));
  ASSERT_EQ(folded.nodes.size(), 2);
  EXPECT_EQ(folded.nodes[0].op, "Mul");
  EXPECT_EQ(folded.nodes[1].op, "Add");
  const Tensor& scale = folded.initializers.at(folded.nodes[0].inputs[1]);
  EXPECT_EQ(scale.shape(), (Shape{2, 1, 1}));
  EXPECT_THAT(*scale.ToFloats(), ElementsAre(0.5f, 0.5f));
  EXPECT_THAT(Values(folded, folded.nodes[1].inputs[1]), ElementsAre(-1, -3.5f));
}

// Another reader of the convolution's result, of its weights, or the result as an answer.
TEST(FoldBatchNormTest, LeavesLayersThatOthersRead) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2, 3, 3}).Floats("w", {2, 2, 1, 1}, {2, 4, 6, 8});
  builder.Op("Conv", {"x", "w"}, {"c"});
  AddStatistics(builder).Op("BatchNormalization", {"c", "gamma", "beta", "mean", "var"}, {"y"},
                            kExact);
  builder.Output("y");
  EXPECT_EQ(Folded(GraphBuilder(builder).Output("c")).nodes.size(), 3);
  EXPECT_EQ(Folded(GraphBuilder(builder).Op("Relu", {"c"}, {"z"}).Output("z")).nodes.size(), 4);
  const Graph shared = Folded(GraphBuilder(builder).Op("Conv", {"x", "w"}, {"d"}).Output("d"));
  EXPECT_EQ(shared.nodes.size(), 4);
  EXPECT_THAT(Values(shared, "w"), ElementsAre(2, 4, 6, 8));
}

TEST(FoldBatchNormTest, NamesAVarianceThatIsNotPositive) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2, 3, 3}).Floats("p", {2}).Floats("var", {2}, {1, -2});
  builder.Op("BatchNormalization", {"x", "p", "p", "p", "var"}, {"y"}).Output("y");
  const absl::Status status = FoldBatchNorm(Bound(builder)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 'y'"));
}

GraphBuilder WithNumbers(int64_t opset = 13) {
  GraphBuilder builder(opset);
  builder.Input("x", {kN, 4}).Float("three", 3).Float("six", 6).Float("zero", 0);
  builder.Float("sixth", 1.0f / 6).Float("half", 0.5f).Float("one", 1).Output("y");
  return builder;
}

void ExpectBecomes(const GraphBuilder& builder, const std::string& op) {
  absl::StatusOr<Graph> graph = RecognizeActivations(Bound(builder));
  ASSERT_TRUE(graph.ok()) << graph.status();
  ASSERT_EQ(graph->nodes.size(), 1);
  EXPECT_EQ(graph->nodes[0].op, op);
  EXPECT_EQ(graph->nodes[0].name, "y");
  EXPECT_THAT(graph->nodes[0].inputs, ElementsAre("x"));
  EXPECT_EQ(graph->initializers.size(), 0);
}

TEST(RecognizeActivationsTest, HardSwishInItsUsualOrders) {
  GraphBuilder ramp = WithNumbers();
  ramp.Op("Add", {"x", "three"}, {"a"}).Op("Clip", {"a", "zero", "six"}, {"c"});
  ExpectBecomes(GraphBuilder(ramp).Op("Mul", {"x", "c"}, {"m"}).Op("Div", {"m", "six"}, {"y"}),
                "HardSwish");
  ExpectBecomes(GraphBuilder(ramp).Op("Mul", {"c", "x"}, {"m"}).Op("Mul", {"sixth", "m"}, {"y"}),
                "HardSwish");
  ExpectBecomes(GraphBuilder(ramp).Op("Div", {"c", "six"}, {"d"}).Op("Mul", {"x", "d"}, {"y"}),
                "HardSwish");
  ExpectBecomes(GraphBuilder(ramp).Op("Div", {"x", "six"}, {"d"}).Op("Mul", {"d", "c"}, {"y"}),
                "HardSwish");
  GraphBuilder named = WithNumbers();
  named.Op("HardSigmoid", {"x"}, {"h"}, {{"alpha", 0.16666667f}}).Op("Mul", {"x", "h"}, {"y"});
  ExpectBecomes(named, "HardSwish");
  GraphBuilder old = WithNumbers(9);
  old.Op("Add", {"three", "x"}, {"a"}).Op("Clip", {"a"}, {"c"}, {{"min", 0.0f}, {"max", 6.0f}});
  old.Op("Mul", {"x", "c"}, {"m"}).Op("Div", {"m", "six"}, {"y"});
  ExpectBecomes(old, "HardSwish");
}

TEST(RecognizeActivationsTest, HardSigmoid) {
  GraphBuilder ramp = WithNumbers();
  ramp.Op("Add", {"x", "three"}, {"a"}).Op("Clip", {"a", "zero", "six"}, {"c"});
  ExpectBecomes(GraphBuilder(ramp).Op("Div", {"c", "six"}, {"y"}), "HardSigmoid");
  GraphBuilder linear = WithNumbers();
  linear.Op("Mul", {"x", "sixth"}, {"m"}).Op("Add", {"m", "half"}, {"a"});
  linear.Op("Clip", {"a", "zero", "one"}, {"y"});
  absl::StatusOr<Graph> graph = RecognizeActivations(Bound(linear));
  ASSERT_TRUE(graph.ok());
  ASSERT_EQ(graph->nodes[0].op, "HardSigmoid");
  EXPECT_NEAR(*graph->nodes[0].Float("alpha", 0), 1.0f / 6, 1e-6);
  EXPECT_NEAR(*graph->nodes[0].Float("beta", 0), 0.5f, 1e-6);
}

TEST(RecognizeActivationsTest, LeavesWhatOnlyLooksSimilar) {
  GraphBuilder swish = WithNumbers();
  swish.Op("Sigmoid", {"x"}, {"s"}).Op("Mul", {"x", "s"}, {"y"});
  GraphBuilder other = WithNumbers();
  other.Op("Add", {"x", "one"}, {"a"}).Op("Clip", {"a", "zero", "six"}, {"c"});
  other.Op("Mul", {"x", "c"}, {"m"}).Op("Div", {"m", "six"}, {"y"});
  GraphBuilder clip = WithNumbers();
  clip.Op("Clip", {"x", "zero", "one"}, {"y"});
  for (const GraphBuilder& builder : {swish, other, clip}) {
    const Graph before = Bound(builder);
    absl::StatusOr<Graph> after = RecognizeActivations(before);
    ASSERT_TRUE(after.ok());
    ASSERT_EQ(after->nodes.size(), before.nodes.size());
    for (size_t i = 0; i < before.nodes.size(); ++i) {
      EXPECT_EQ(after->nodes[i].op, before.nodes[i].op);
    }
  }
}

}  // namespace
}  // namespace halftone
