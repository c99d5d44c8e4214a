// What stands for LSTM, GRU and RNN: nodes, names, layers and ties. Values: tests/nn/engine.
#include "nn/graph/recurrent/unroll_recurrent.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kN = Shape::kDynamic;
constexpr int64_t kInputs = 3, kHidden = 4;

// A batch of sequences [N, steps, 3] through one node "cell" of 4 hidden elements; its last state
// is the network's answer.
GraphBuilder Sequences(const std::string& op, int64_t steps,
                       GraphBuilder::Attributes attributes = {}, int64_t opset = 17) {
  const int64_t rows = kHidden * (op == "LSTM" ? 4 : op == "GRU" ? 3 : 1);
  const auto direction = attributes.find("direction");
  const bool both =
      direction != attributes.end() && std::get<std::string>(direction->second) == "bidirectional";
  const int64_t directions = both ? 2 : 1;
  GraphBuilder builder(opset);
  builder.Input("x", {kN, steps, kInputs}).Output("last");
  builder.Floats("W", {directions, rows, kInputs}).Floats("R", {directions, rows, kHidden});
  builder.Op("Transpose", {"x"}, {"t"}, {{"perm", std::vector<int64_t>{1, 0, 2}}});
  builder.Op(op, {"t", "W", "R"}, {"cell", "last"}, std::move(attributes));
  return builder;
}

Graph Bound(const GraphBuilder& builder, int64_t batch = 2) {
  const absl::StatusOr<Graph> bound = BindBatch(builder.graph(), batch);
  EXPECT_TRUE(bound.ok()) << bound.status();
  EXPECT_TRUE(CheckGraph(*bound).ok()) << CheckGraph(*bound);
  return *bound;
}

std::vector<std::string> LayerNames(const LayerSet& set) {
  std::vector<std::string> names;
  for (const Layer& layer : set.layers) names.push_back(layer.name);
  return names;
}

TEST(UnrollRecurrentTest, OneProductWithTheInputAndOnePerStepWithTheState) {
  const Graph graph = Bound(Sequences("LSTM", 4));
  const auto set = FindLayers(graph);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LayerNames(*set), ElementsAre("cell/input", "cell/step1/recurrent",
                                            "cell/step2/recurrent", "cell/step3/recurrent"));
  const Layer& input = set->layers[0];
  EXPECT_EQ(input.src_shape, (Shape{4, 2, kInputs}));
  EXPECT_EQ(input.weights_shape, (Shape{kInputs, 4 * kHidden}));
  EXPECT_EQ(input.channel_axis, 1);
  EXPECT_EQ(input.tie_group, "cell/input");
  for (size_t i = 1; i < set->layers.size(); ++i) {
    EXPECT_EQ(set->layers[i].weights, set->layers[1].weights);
    EXPECT_EQ(set->layers[i].weights_shape, (Shape{kHidden, 4 * kHidden}));
    EXPECT_EQ(set->layers[i].tie_group, "tie0");
  }
  ASSERT_THAT(set->ties, SizeIs(1));
  EXPECT_THAT(set->ties[0].reason, HasSubstr("share the weights 'R/transposed'"));
}

TEST(UnrollRecurrentTest, DirectionsAreApart) {
  const Graph graph = Bound(Sequences("RNN", 3, {{"direction", std::string("bidirectional")}}));
  const auto set = FindLayers(graph);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LayerNames(*set),
              ElementsAre("cell/forward/input", "cell/forward/step1/recurrent",
                          "cell/forward/step2/recurrent", "cell/reverse/input",
                          "cell/reverse/step1/recurrent", "cell/reverse/step0/recurrent"));
  EXPECT_EQ(set->Find("cell/forward/step1/recurrent")->tie_group, "tie0");
  EXPECT_EQ(set->Find("cell/reverse/step1/recurrent")->tie_group, "tie1");
}

TEST(UnrollRecurrentTest, GruHasTwoProductsPerStepUnlessItResetsLater) {
  const auto before = FindLayers(Bound(Sequences("GRU", 2)));
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_THAT(LayerNames(*before),
              ElementsAre("cell/input", "cell/step1/recurrent", "cell/step1/recurrent_candidate"));
  const auto after = FindLayers(Bound(Sequences("GRU", 2, {{"linear_before_reset", int64_t{1}}})));
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_THAT(LayerNames(*after), ElementsAre("cell/input", "cell/step1/recurrent"));
}

TEST(UnrollRecurrentTest, ConstantsDoNotDependOnTheBatch) {
  GraphBuilder builder = Sequences("LSTM", 3);
  builder.Op("Shape", {"t"}, {"sizes"}).Int("one", 1).Op("Gather", {"sizes", "one"}, {"n"});
  const Graph one = Bound(builder, 1), two = Bound(builder, 2);
  ASSERT_EQ(one.initializers.size(), two.initializers.size());
  for (const auto& [name, tensor] : one.initializers) {
    ASSERT_TRUE(two.initializers.contains(name)) << name;
    EXPECT_EQ(two.initializers.at(name).shape(), tensor.shape()) << name;
  }
  ASSERT_EQ(one.nodes.size(), two.nodes.size());
  for (size_t i = 0; i < one.nodes.size(); ++i) EXPECT_EQ(one.nodes[i].name, two.nodes[i].name);
}

TEST(UnrollRecurrentTest, NodesWithTheSameWeightsShareThem) {
  GraphBuilder builder = Sequences("RNN", 3);
  builder.Op("RNN", {"t", "W", "R"}, {"other", "other_last"}).Output("other_last");
  const auto set = FindLayers(Bound(builder));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->Find("cell/input")->weights, set->Find("other/input")->weights);
  EXPECT_EQ(set->Find("cell/step1/recurrent")->weights,
            set->Find("other/step2/recurrent")->weights);
  EXPECT_EQ(set->Find("cell/input")->tie_group, set->Find("other/input")->tie_group);
}

TEST(UnrollRecurrentTest, OneConstantMayBeTheStatesOfBothLayouts) {
  GraphBuilder builder;
  builder.Input("x", {2, 2, kInputs}).Output("first").Output("second");
  builder.Floats("W", {2, kHidden, kInputs}).Floats("R", {2, kHidden, kHidden});
  std::vector<float> states(16);
  for (size_t i = 0; i < states.size(); ++i) states[i] = static_cast<float>(i / 4);
  builder.Floats("h0", {2, 2, kHidden}, states);
  GraphBuilder::Attributes attributes = {{"direction", std::string("bidirectional")}};
  builder.Op("RNN", {"x", "W", "R", "", "", "h0"}, {"", "first"}, attributes);
  attributes["layout"] = int64_t{1};
  builder.Op("RNN", {"x", "W", "R", "", "", "h0"}, {"", "second"}, attributes);
  Graph graph = builder.graph();
  graph.nodes[0].name = "one";
  graph.nodes[1].name = "two";
  const absl::StatusOr<Graph> bound = BindBatch(graph, 2);
  ASSERT_TRUE(bound.ok()) << bound.status();
  const auto rows = [&](const std::string& name) {
    const absl::Span<const float> values = bound->initializers.at(name).data<float>();
    return std::vector<float>{values[0], values[kHidden]};
  };
  EXPECT_THAT(rows("h0/state_1"), ElementsAre(2, 3));
  EXPECT_THAT(rows("h0/batch_first_state_1"), ElementsAre(1, 3));
}

TEST(UnrollRecurrentTest, TakenNamesGetANumber) {
  GraphBuilder builder = Sequences("RNN", 2);
  builder.Floats("R/transposed", {1}).Op("Relu", {"x"}, {"cell/input"}).Output("cell/input");
  builder.Op("Add", {"x", "R/transposed"}, {"sum"}).Output("sum");
  const auto set = FindLayers(Bound(builder));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(LayerNames(*set), ElementsAre("cell/input_1", "cell/step1/recurrent"));
  EXPECT_EQ(set->layers[1].weights, "R/transposed_1");
}

TEST(UnrollRecurrentTest, AHundredStepsBindInMilliseconds) {
  const GraphBuilder builder = Sequences("LSTM", 100);
  const auto start = std::chrono::steady_clock::now();
  const Graph graph = Bound(builder);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 1);  // about 0.005, but for sanitizers
  EXPECT_LT(graph.nodes.size(), 1300u);
  const auto reads_weights = [](const Node& node) { return node.Input(1) == "R/transposed"; };
  EXPECT_EQ(absl::c_count_if(graph.nodes, reads_weights), 99);
  EXPECT_FALSE(graph.initializers.contains("R"));
}

TEST(UnrollRecurrentTest, StepsAreBounded) {
  const int64_t most = RecurrentUnroller::kMaxSteps;
  EXPECT_TRUE(BindBatch(Sequences("RNN", most).graph(), 1).ok());
  const absl::Status status = BindBatch(Sequences("RNN", most + 1).graph(), 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("node 'cell' (RNN)"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("4097 steps"));
  const auto both = Sequences("RNN", most / 2 + 1, {{"direction", std::string("bidirectional")}});
  EXPECT_THAT(std::string(BindBatch(both.graph(), 1).status().message()), HasSubstr("4098 steps"));
}

TEST(UnrollRecurrentTest, AHugeBatchTakesNoMemory) {
  GraphBuilder builder;
  builder.Input("x", {1, int64_t{1} << 28, kInputs}).Output("y");
  builder.Floats("W", {1, kHidden, kInputs}).Floats("R", {1, kHidden, kHidden});
  builder.Op("RNN", {"x", "W", "R"}, {"y"});
  const Graph graph = Bound(builder, 1);
  EXPECT_EQ(graph.outputs[0].info.shape, (Shape{1, 1, int64_t{1} << 28, kHidden}));
  for (const auto& [name, tensor] : graph.initializers) EXPECT_LT(tensor.elements(), 20) << name;
}

struct Refusal {
  std::string words;
  absl::StatusCode code;
  GraphBuilder builder;
};

GraphBuilder LstmOf(std::vector<std::string> inputs, GraphBuilder::Attributes attributes = {}) {
  GraphBuilder builder;
  builder.Input("x", {5, 2, kInputs}).Input("varying", {1, 4 * kHidden, kInputs}).Output("y");
  builder.Input("lengths", {2}, DataType::kInt32)
      .Constant("long", Tensor::FromInts(DataType::kInt32, {2}, {5, 6}));
  builder.Floats("W", {1, 4 * kHidden, kInputs}).Floats("R", {1, 4 * kHidden, kHidden});
  builder.Floats("short", {1, 3}).Ints("none", {0, 0});
  builder.Op("LSTM", std::move(inputs), {"y"}, std::move(attributes));
  return builder;
}

TEST(UnrollRecurrentTest, RefusesByName) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;
  const std::vector<std::string> plain = {"x", "W", "R"};
  const std::vector<Refusal> refusals = {
      {"its sequence_lens ('lengths') is not constant", kUnimplemented,
       LstmOf({"x", "W", "R", "", "lengths"})},
      {"its weights ('varying') are not constant", kUnimplemented, LstmOf({"x", "varying", "R"})},
      {"no sample has a step", kUnimplemented, LstmOf({"x", "W", "R", "", "none"})},
      {"a sequence of 6 of 5 steps", kInvalid, LstmOf({"x", "W", "R", "", "long"})},
      {"biases of shape [1, 3] should be [1, 32]", kInvalid, LstmOf({"x", "W", "R", "short"})},
      {"initial state of shape [1, 3] should be [1, 2, 4]", kInvalid,
       LstmOf({"x", "W", "R", "", "", "short"})},
      {"peepholes of shape [1, 3] should be [1, 12]", kInvalid,
       LstmOf({"x", "W", "R", "", "", "", "", "short"})},
      {"a hidden_size of 5", kInvalid, LstmOf(plain, {{"hidden_size", int64_t{5}}})},
      {"a layout of 2", kInvalid, LstmOf(plain, {{"layout", int64_t{2}}})},
      {"a clip that is not above 0", kInvalid, LstmOf(plain, {{"clip", -1.0f}})},
      {"unknown direction 'back'", kInvalid, LstmOf(plain, {{"direction", std::string("back")}})},
      {"2 activations where 3 are asked", kInvalid,
       LstmOf(plain, {{"activations", std::vector<std::string>{"Relu", "Relu"}}})},
      {"unknown activation 'Sine'", kInvalid,
       LstmOf(plain, {{"activations", std::vector<std::string>{"Sine", "Relu", "Relu"}}})},
  };
  for (const Refusal& refusal : refusals) {
    const Graph& graph = refusal.builder.graph();
    const absl::Status status = BindBatch(graph, 5).status();
    EXPECT_EQ(status.code(), refusal.code) << refusal.words;
    EXPECT_THAT(std::string(status.message()), HasSubstr("node 'y' (LSTM)"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(refusal.words));
  }
}

TEST(UnrollRecurrentTest, WhatIsNotSupportedIsListedOnce) {
  const GraphBuilder builder = LstmOf({"x", "W", "R", "", "lengths"});
  const std::vector<Unsupported> unsupported = FindUnsupported(builder.graph());
  ASSERT_THAT(unsupported, SizeIs(1));
  EXPECT_EQ(unsupported[0].node, "y");
  EXPECT_EQ(unsupported[0].op, "LSTM");
  EXPECT_THAT(FindUnsupported(LstmOf({"x", "W", "R"}).graph()), IsEmpty());
}

TEST(UnrollRecurrentTest, NodesHaveTheFormOfTheOpset) {
  const auto find = [](const Graph& graph, const std::string& op) {
    const auto found =
        absl::c_find_if(graph.nodes, [&](const Node& node) { return node.op == op; });
    EXPECT_NE(found, graph.nodes.end()) << op;
    return found == graph.nodes.end() ? Node() : *found;
  };
  for (const int64_t opset : {9, 13, 22}) {
    GraphBuilder builder = Sequences("LSTM", 3, {{"clip", 0.5f}}, opset);
    builder.Output("cell");
    const Graph graph = Bound(builder);
    const bool old = opset < 13;
    EXPECT_EQ(find(graph, "Split").Has("split"), old);
    EXPECT_THAT(find(graph, "Split").inputs, SizeIs(old ? 1 : 2));
    EXPECT_EQ(find(graph, "Unsqueeze").Has("axes"), old);
    EXPECT_EQ(find(graph, "Clip").Has("max"), old);
  }
}

}  // namespace
}  // namespace halftone
