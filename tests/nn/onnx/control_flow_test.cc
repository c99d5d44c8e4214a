// Branches, loops and scans that are known once a model is bound.
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/onnx/model_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Gives the model's last node the graph as an attribute.
void AddSubgraph(ModelBuilder& model, const std::string& attribute, ModelBuilder& subgraph) {
  onnx::AttributeProto& proto = *model.graph().mutable_node()->rbegin()->add_attribute();
  proto.set_name(attribute);
  proto.set_type(onnx::AttributeProto::GRAPH);
  *proto.mutable_g() = subgraph.graph();
}

// y = If(condition): then Relu(h) + w, else Neg(h); h = Tanh(x), w of the branch alone.
ModelBuilder Branches() {
  ModelBuilder model;
  model.Input("x", {-1, 2}).Node("Tanh", {"x"}, {"h"}).Output("y");
  model.Node("If", {"condition"}, {"y"}, {}, "choose");
  ModelBuilder on, off;
  on.Floats("w", {2}).Node("Relu", {"h"}, {"r"}).Node("Add", {"r", "w"}, {"t"}, {}, "sum");
  off.Node("Neg", {"h"}, {"e"}).Output("e");
  AddSubgraph(model, "then_branch", on.Output("t"));
  AddSubgraph(model, "else_branch", off);
  return model;
}

ModelBuilder BranchesIf(bool condition) {
  ModelBuilder model = Branches();
  onnx::TensorProto& tensor = *model.graph().add_initializer();
  tensor.set_name("condition");
  tensor.set_data_type(onnx::TensorProto::BOOL);
  tensor.add_int32_data(condition ? 1 : 0);
  return model;
}

absl::StatusOr<Graph> Bind(const ModelBuilder& model, int64_t batch = 1) {
  absl::StatusOr<Graph> graph = ImportOnnx(model.Bytes(), {});
  if (!graph.ok()) return graph.status();
  return BindBatch(*graph, batch);
}

std::vector<std::string> NodeNames(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.name);
  return names;
}

void ExpectRefused(const ModelBuilder& model, absl::StatusCode code, const std::string& offender) {
  const absl::Status status = Bind(model).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(offender));
}

TEST(ControlFlowTest, TheBranchOfAConstantIsTaken) {
  absl::StatusOr<Graph> graph = Bind(BranchesIf(true));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(NodeNames(*graph),
              ElementsAre("Tanh_0", "choose/then_branch/Relu_0", "choose/then_branch/sum"));
  EXPECT_THAT(graph->nodes[2].inputs, ElementsAre("choose/then_branch/r", "choose/then_branch/w"));
  EXPECT_EQ(graph->nodes[2].outputs[0], "y");
  graph = Bind(BranchesIf(false));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(NodeNames(*graph), ElementsAre("Tanh_0", "choose/else_branch/Neg_0"));
  EXPECT_TRUE(graph->initializers.empty());
}

TEST(ControlFlowTest, TheBranchMayDependOnTheShape) {
  ModelBuilder model = Branches();
  model.Node("Shape", {"x"}, {"shape"}).Ints("zero", {}, {0}).Ints("two", {}, {2});
  model.Node("Gather", {"shape", "zero"}, {"batch"}).Node("Equal", {"batch", "two"}, {"condition"});
  EXPECT_EQ(Bind(model, 1)->nodes.back().op, "Neg");
  EXPECT_EQ(Bind(model, 2)->nodes.back().op, "Add");
}

TEST(ControlFlowTest, ABranchMayPassOnWhatItCaptures) {
  ModelBuilder model = BranchesIf(true);
  onnx::AttributeProto& branch = *model.graph().mutable_node(1)->mutable_attribute(0);
  branch.mutable_g()->clear_node();
  branch.mutable_g()->mutable_output(0)->set_name("h");
  absl::StatusOr<Graph> graph = Bind(model);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(NodeNames(*graph), ElementsAre("Tanh_0"));
  EXPECT_EQ(graph->nodes[0].outputs[0], "y");
}

TEST(ControlFlowTest, BranchesInBranches) {
  ModelBuilder model = BranchesIf(true), inner = BranchesIf(false);
  onnx::GraphProto& branch = *model.graph().mutable_node(1)->mutable_attribute(0)->mutable_g();
  onnx::NodeProto& node = *branch.mutable_node(0);
  node = inner.graph().node(1);  // reads the model's h
  node.set_output(0, "r");
  node.set_name("inner");
  node.set_input(0, "off");
  *branch.add_initializer() = inner.graph().initializer(0);
  branch.mutable_initializer()->rbegin()->set_name("off");
  absl::StatusOr<Graph> graph = Bind(model);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(NodeNames(*graph), ElementsAre("Tanh_0", "choose/then_branch/inner/else_branch/Neg_0",
                                             "choose/then_branch/sum"));
}

// The model with a condition of one bool that the input decides.
ModelBuilder BranchesByValue() {
  ModelBuilder model = Branches();
  model.Node("ReduceMax", {"x"}, {"largest"}, {{"keepdims", int64_t{1}}});
  model.Node("Cast", {"largest"}, {"condition"}, {{"to", int64_t{9}}});
  return model;
}

TEST(ControlFlowTest, BothBranchesAreComputedWhereValuesDecide) {
  absl::StatusOr<Graph> graph = Bind(BranchesByValue());
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(NodeNames(*graph),
              ::testing::IsSupersetOf({"choose/then_branch/Relu_0", "choose/then_branch/sum",
                                       "choose/else_branch/Neg_0"}));
  const Node& choice = graph->nodes.back();
  EXPECT_EQ(choice.op, "Where");
  EXPECT_THAT(choice.outputs, ElementsAre("y"));
  EXPECT_EQ(graph->values.at(choice.inputs[0]).shape, Shape{});
  EXPECT_EQ(graph->values.at("y").shape, (Shape{1, 2}));
}

TEST(ControlFlowTest, ABranchMayPassOnWhereValuesDecide) {
  ModelBuilder model = BranchesByValue();
  onnx::GraphProto& branch = *model.graph().mutable_node(1)->mutable_attribute(1)->mutable_g();
  branch.mutable_node(0)->set_op_type("Identity");
  absl::StatusOr<Graph> graph = Bind(model);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->nodes.back().inputs[2], "h");
}

TEST(ControlFlowTest, ConditionsThatDecideMoreThanValuesAreRefusedByName) {
  ModelBuilder model = Branches();
  model.Node("Cast", {"x"}, {"condition"}, {{"to", int64_t{9}}});
  ExpectRefused(model, absl::StatusCode::kUnimplemented,
                "node 'choose' (If): its condition 'condition' is bool [1, 2], not one bool");
  const std::vector<Unsupported> unsupported = FindUnsupported(*ImportOnnx(model.Bytes(), {}));
  ASSERT_EQ(unsupported.size(), 1);
  EXPECT_EQ(unsupported[0].node, "choose");
  model = BranchesByValue();
  onnx::NodeProto& node =
      *model.graph().mutable_node(1)->mutable_attribute(1)->mutable_g()->mutable_node(0);
  node.set_op_type("Transpose");
  ExpectRefused(
      model, absl::StatusCode::kUnimplemented,
      "whether its result is float32 [1, 2] or float32 [2, 1] depends on the input's values");
}

TEST(ControlFlowTest, BadSubgraphsNameTheirNode) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto changed = [](const auto& change) {
    ModelBuilder model = BranchesIf(true);
    change(*model.graph().mutable_node(1)->mutable_attribute(0)->mutable_g());
    return model;
  };
  ExpectRefused(changed([](auto& g) { g.mutable_node(0)->set_input(0, "ghost"); }), kInvalid,
                "node 'choose' (If) reads 'ghost'");
  ExpectRefused(changed([](auto& g) { g.mutable_node(0)->set_input(0, "y"); }), kInvalid,
                "'choose' (If)");
  ExpectRefused(changed([](auto& g) { g.mutable_node(0)->set_input(0, "t"); }), kInvalid,
                "node 'choose' (If), then_branch: the graph has a cycle");
  ExpectRefused(changed([](auto& g) { g.mutable_node(0)->set_output(0, "t"); }), kInvalid,
                "writes 't', which is already defined");
  ExpectRefused(changed([](auto& g) { g.clear_output(); }), kInvalid, "'choose' (If), then_branch");
  ExpectRefused(changed([](auto& g) { g.add_input()->set_name("i"); }), kInvalid, "'choose' (If)");
  ExpectRefused(changed([](auto& g) { g.mutable_initializer(0)->set_dims(0, 99); }), kInvalid,
                "'choose' (If), then_branch: initializer 'w'");
  ExpectRefused(changed([](auto& g) { g.mutable_initializer(0)->set_float_data(0, NAN); }),
                kInvalid, "'choose' (If), then_branch: initializer 'w' has a NaN");
  ModelBuilder missing = BranchesIf(true);
  missing.graph().mutable_node(1)->clear_attribute();
  ExpectRefused(missing, kInvalid, "'choose' (If): it has no then_branch");
}

// (step, goes_on, s) -> (goes_on, s + w, step): h + steps w, and the steps.
ModelBuilder Counting(const std::string& most, const std::string& goes_on) {
  ModelBuilder model(15), body(15);
  model.Input("x", {1, 2}).Node("Tanh", {"x"}, {"h"}).Output("y").Output("steps");
  model.Node("Loop", {most, goes_on, "h"}, {"y", "steps"}, {}, "loop");
  body.Input("step", {}, onnx::TensorProto::INT64).Input("on", {}, onnx::TensorProto::BOOL);
  body.Input("s", {1, 2}).Floats("w", {2}).Node("Add", {"s", "w"}, {"t"}, {}, "add");
  body.Node("Identity", {"on"}, {"goes_on"}).Node("Identity", {"step"}, {"scanned"});
  body.Output("goes_on").Output("t").Output("scanned");
  AddSubgraph(model, "body", body);
  return model;
}

TEST(ControlFlowTest, LoopsOfAKnownLengthAreUnrolled) {
  ModelBuilder model = Counting("three", "");
  absl::StatusOr<Graph> graph = Bind(model.Ints("three", {}, {3}));
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(NodeNames(*graph), ElementsAre("Tanh_0", "loop/0/add", "loop/1/add", "loop/2/add"));
  for (size_t i = 1; i <= 3; ++i) EXPECT_EQ(graph->nodes[i].inputs[1], "loop/w");
  EXPECT_EQ(graph->nodes[3].outputs[0], "y");
  EXPECT_THAT(*graph->initializers.at("steps").ToInts(), ElementsAre(0, 1, 2));
}

// The condition of each step is a constant when the one before is bound.
TEST(ControlFlowTest, LoopsEndWhereTheirConditionFoldsToFalse) {
  ModelBuilder model = Counting("", "");
  onnx::GraphProto& body = *model.graph().mutable_node(1)->mutable_attribute(0)->mutable_g();
  body.mutable_node(1)->set_op_type("Less");
  body.mutable_node(1)->set_input(0, "step");
  body.mutable_node(1)->add_input("one");
  model.Ints("one", {}, {1});
  absl::StatusOr<Graph> graph = Bind(model);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(NodeNames(*graph), ElementsAre("Tanh_0", "loop/0/add", "loop/1/add"));
}

TEST(ControlFlowTest, LoopsWithoutAKnownEndAreRefusedByName) {
  ModelBuilder endless = Counting("", "");
  ExpectRefused(endless, absl::StatusCode::kResourceExhausted, "'loop' (Loop)");
  ModelBuilder by_value = Counting("count", "");
  by_value.Input("count", {}, onnx::TensorProto::INT64);
  ExpectRefused(by_value, absl::StatusCode::kUnimplemented, "'loop' (Loop): its trip count");
  ModelBuilder condition = Counting("", "on");
  condition.Input("on", {}, onnx::TensorProto::BOOL);
  ExpectRefused(condition, absl::StatusCode::kUnimplemented,
                "'loop' (Loop): its condition 'on' depends on the input's values");
  ModelBuilder none = Counting("zero", "");
  ExpectRefused(none.Ints("zero", {}, {0}), absl::StatusCode::kUnimplemented, "no steps");
  ModelBuilder inputs = Counting("three", "");
  inputs.Ints("three", {}, {3}).graph().mutable_node(1)->add_input("x");
  ExpectRefused(inputs, absl::StatusCode::kInvalidArgument, "'loop' (Loop)");
}

// 1000 steps of 1000 steps.
TEST(ControlFlowTest, LoopsInLoopsAreBounded) {
  ModelBuilder model = Counting("thousand", ""), inner = Counting("thousand", "");
  model.Ints("thousand", {}, {1000});
  onnx::GraphProto& body = *model.graph().mutable_node(1)->mutable_attribute(0)->mutable_g();
  onnx::NodeProto& loop = *body.add_node();
  loop = inner.graph().node(1);
  loop.set_input(2, "t");
  loop.set_output(0, "more");
  loop.set_output(1, "unread");
  body.mutable_output(1)->set_name("more");
  ExpectRefused(model, absl::StatusCode::kResourceExhausted, "'loop' (Loop): node 'loop/");
}

// (s, row) -> (s + row, s + row): sums up to each row, from the last one on.
ModelBuilder Scanning() {
  ModelBuilder model(15), body(15);
  model.Input("x", {-1, 3, 2}).Floats("start", {2}).Output("sum").Output("sums");
  model.Node("Scan", {"start", "x"}, {"sum", "sums"},
             {{"num_scan_inputs", int64_t{1}},
              {"scan_input_axes", std::vector<int64_t>{1}},
              {"scan_input_directions", std::vector<int64_t>{1}},
              {"scan_output_axes", std::vector<int64_t>{-1}}},
             "scan");
  body.Input("s", {2}).Input("row", {2}).Node("Add", {"s", "row"}, {"t"}, {}, "add");
  body.Node("Identity", {"t"}, {"u"}).Output("t").Output("u");
  AddSubgraph(model, "body", body);
  return model;
}

TEST(ControlFlowTest, ScansAreUnrolled) {
  absl::StatusOr<Graph> graph = Bind(Scanning(), 4);
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::vector<int64_t> positions;
  for (const Node& node : graph->nodes) {
    if (node.op == "Gather") {
      positions.push_back(graph->initializers.at(node.inputs[1]).ToInts()->front());
    }
  }
  EXPECT_THAT(positions, ElementsAre(2, 1, 0));
  EXPECT_EQ(graph->outputs[0].info.shape, (Shape{4, 2}));
  EXPECT_EQ(graph->outputs[1].info.shape, (Shape{4, 2, 3}));
}

TEST(ControlFlowTest, BadScansAreRefusedByName) {
  ModelBuilder axis = Scanning();
  axis.graph().mutable_node(0)->mutable_attribute(1)->set_ints(0, 7);
  ExpectRefused(axis, absl::StatusCode::kInvalidArgument, "'scan' (Scan)");
  ModelBuilder inputs = Scanning();
  inputs.graph().mutable_node(0)->mutable_attribute(0)->set_i(5);
  ExpectRefused(inputs, absl::StatusCode::kInvalidArgument, "'scan' (Scan)");
  ModelBuilder steps = Scanning();
  auto& shape = *steps.graph().mutable_input(0)->mutable_type()->mutable_tensor_type();
  shape.mutable_shape()->mutable_dim(1)->set_dim_value(300'000);
  ExpectRefused(steps, absl::StatusCode::kResourceExhausted, "'scan' (Scan): 300000 steps");
  ModelBuilder body = Scanning();
  body.graph().mutable_node(0)->mutable_attribute()->RemoveLast();
  ExpectRefused(body, absl::StatusCode::kInvalidArgument, "'scan' (Scan): it has no body");
}

}  // namespace
}  // namespace halftone
