// Functions that a model brings: their nodes in place of each call.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/onnx/model_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kDomain = "com.example";

onnx::NodeProto& AddNode(onnx::FunctionProto& function, const std::string& op,
                         const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs, const std::string& domain = "") {
  onnx::NodeProto& node = *function.add_node();
  node.set_op_type(op);
  node.set_domain(domain);
  for (const std::string& value : inputs) node.add_input(value);
  for (const std::string& value : outputs) node.add_output(value);
  return node;
}

void AddReference(onnx::NodeProto& node, const std::string& attribute, const std::string& argument,
                  onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& reference = *node.add_attribute();
  reference.set_name(attribute);
  reference.set_ref_attr_name(argument);
  reference.set_type(type);
}

onnx::FunctionProto& AddFunction(ModelBuilder& model, const std::string& name,
                                 const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs) {
  onnx::FunctionProto& function = *model.proto().add_functions();
  function.set_domain(kDomain);
  function.set_name(name);
  for (const std::string& value : inputs) function.add_input(value);
  for (const std::string& value : outputs) function.add_output(value);
  return function;
}

// A call in the model's graph.
onnx::NodeProto& Call(ModelBuilder& model, const std::string& function,
                      const std::vector<std::string>& inputs,
                      const std::vector<std::string>& outputs,
                      const ModelBuilder::Attributes& attributes = {},
                      const std::string& name = "") {
  model.Node(function, inputs, outputs, attributes, name);
  onnx::NodeProto& node = *model.graph().mutable_node()->rbegin();
  node.set_domain(kDomain);
  return node;
}

// Sets a field of strings or messages that ONNX's older classes do not have.
void SetUnknown(google::protobuf::Message& message, int number, const std::string& bytes) {
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(number, bytes);
}

absl::StatusOr<Graph> TryImport(const ModelBuilder& model) { return ImportOnnx(model.Bytes(), {}); }

Graph Import(const ModelBuilder& model) {
  absl::StatusOr<Graph> graph = TryImport(model);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *std::move(graph) : Graph();
}

void ExpectRefused(const ModelBuilder& model, absl::StatusCode code, const std::string& offender) {
  const absl::Status status = TryImport(model).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(offender));
}

// leaky(v; slope) = LeakyRelu(v) + one
ModelBuilder LeakyTwice() {
  ModelBuilder model(15);
  onnx::FunctionProto& function = AddFunction(model, "leaky", {"v"}, {"w"});
  function.add_attribute("slope");
  onnx::NodeProto& constant = AddNode(function, "Constant", {}, {"one"});
  AddReference(constant, "value_float", "shift", onnx::AttributeProto::FLOAT);
  onnx::NodeProto& relu = AddNode(function, "LeakyRelu", {"v"}, {"t"});
  relu.set_name("relu");
  AddReference(relu, "alpha", "slope", onnx::AttributeProto::FLOAT);
  AddNode(function, "Add", {"t", "one"}, {"w"});
  onnx::AttributeProto shift;
  shift.set_name("shift");
  shift.set_type(onnx::AttributeProto::FLOAT);
  shift.set_f(2.5f);
  SetUnknown(function, 11, shift.SerializeAsString());
  model.Input("x", {1, 2}).Output("y");
  Call(model, "leaky", {"x"}, {"h"}, {{"slope", 0.25f}}, "first");
  Call(model, "leaky", {"h"}, {"y"}, {{"shift", 7.0f}}, "second");
  return model;
}

TEST(FunctionsTest, EachCallHasNodesOfItsOwn) {
  const Graph graph = Import(LeakyTwice());
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("first/relu", "first/Add_2", "second/relu", "second/Add_2"));
  EXPECT_THAT(graph.nodes[0].inputs, ElementsAre("x"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("first/t", "first/one"));
  EXPECT_THAT(graph.nodes[1].outputs, ElementsAre("h"));
  EXPECT_THAT(graph.nodes[3].outputs, ElementsAre("y"));
}

TEST(FunctionsTest, AttributesAreThoseOfTheCallOrDefaults) {
  const Graph graph = Import(LeakyTwice());
  EXPECT_EQ(*graph.nodes[0].Float("alpha", 0), 0.25f);
  EXPECT_FALSE(graph.nodes[2].Has("alpha")) << "neither given nor a default";
  EXPECT_THAT(*graph.initializers.at("first/one").ToFloats(), ElementsAre(2.5f));
  EXPECT_THAT(*graph.initializers.at("second/one").ToFloats(), ElementsAre(7.0f));
}

TEST(FunctionsTest, AbsentInputsAndOutputsThatAreInputs) {
  ModelBuilder model(15);
  onnx::FunctionProto& function = AddFunction(model, "f", {"a", "low"}, {"b", "a"});
  AddNode(function, "Clip", {"a", "low"}, {"b"});
  model.Input("x", {1, 2}).Output("y").Output("z");
  Call(model, "f", {"x"}, {"y", "z"}, {}, "call");
  const Graph graph = Import(model);
  ASSERT_EQ(graph.nodes.size(), 2);
  EXPECT_EQ(graph.nodes[0].op, "Identity");
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("z"));
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("x", ""));
  EXPECT_TRUE(BindBatch(graph, 1).ok());
}

TEST(FunctionsTest, NamesOfTheFileAreKept) {
  ModelBuilder model(15);
  AddNode(AddFunction(model, "f", {"a"}, {"b"}), "Relu", {"a"}, {"t"});
  AddNode(*model.proto().mutable_functions(0), "Neg", {"t"}, {"b"});
  model.Input("call/t", {1, 2}).Output("y");
  Call(model, "f", {"call/t"}, {"h"}, {}, "call");
  model.Node("Add", {"h", "call/t"}, {"y"}, {}, "call/Relu_0");
  const Graph graph = Import(model);
  EXPECT_THAT(graph.nodes[0].outputs, ElementsAre("call/t_1"));
  EXPECT_EQ(graph.nodes[0].name, "call/Relu_0_1");
}

TEST(FunctionsTest, FunctionsCallFunctionsAndOverloads) {
  ModelBuilder model(15);
  onnx::FunctionProto& plain = AddFunction(model, "f", {"a"}, {"b"});
  AddNode(plain, "Relu", {"a"}, {"b"});
  onnx::FunctionProto& overload = AddFunction(model, "f", {"a"}, {"b"});
  SetUnknown(overload, 13, "double");
  AddNode(overload, "f", {"a"}, {"t"}, kDomain).set_name("inner");
  AddNode(overload, "Add", {"t", "t"}, {"b"});
  model.Input("x", {1, 2}).Output("y");
  SetUnknown(Call(model, "f", {"x"}, {"y"}, {}, "outer"), 8, "double");
  const Graph graph = Import(model);
  ASSERT_EQ(graph.nodes.size(), 2);
  EXPECT_EQ(graph.nodes[0].name, "outer/inner/Relu_0");
  EXPECT_THAT(graph.nodes[1].inputs, ElementsAre("outer/t", "outer/t"));
}

TEST(FunctionsTest, BadCallsNameTheirNode) {
  ModelBuilder recursive(15);
  AddNode(AddFunction(recursive, "f", {"a"}, {"b"}), "g", {"a"}, {"b"}, kDomain);
  AddNode(AddFunction(recursive, "g", {"a"}, {"b"}), "f", {"a"}, {"b"}, kDomain);
  recursive.Input("x", {1}).Output("y");
  Call(recursive, "f", {"x"}, {"y"}, {}, "call");
  ExpectRefused(recursive, absl::StatusCode::kInvalidArgument,
                "node 'call/g_0/f_0' (f): function 'com.example.f' calls itself");

  ModelBuilder inputs = LeakyTwice();
  inputs.graph().mutable_node(0)->add_input("x");
  ExpectRefused(inputs, absl::StatusCode::kInvalidArgument, "'first' (leaky)");

  ModelBuilder twice = LeakyTwice();
  *twice.proto().add_functions() = twice.proto().functions(0);
  ExpectRefused(twice, absl::StatusCode::kInvalidArgument, "'com.example.leaky' occurs twice");

  ModelBuilder outside(15);
  outside.Input("x", {1, 2}).Node("LeakyRelu", {"x"}, {"y"}, {}, "alone").Output("y");
  AddReference(*outside.graph().mutable_node(0), "alpha", "slope", onnx::AttributeProto::FLOAT);
  ExpectRefused(outside, absl::StatusCode::kInvalidArgument, "'alone'");

  ModelBuilder unread(15);
  AddNode(AddFunction(unread, "f", {"a"}, {"b"}), "Relu", {"nowhere"}, {"b"}).set_name("lost");
  unread.Input("x", {1}).Output("y");
  Call(unread, "f", {"x"}, {"y"}, {}, "call");
  ExpectRefused(unread, absl::StatusCode::kInvalidArgument, "'call/lost' (Relu) reads");
}

TEST(FunctionsTest, RefusesOperatorsThatTheModelsOpsetChanged) {
  ModelBuilder model(18);
  onnx::FunctionProto& function = AddFunction(model, "f", {"a"}, {"b"});
  AddNode(function, "ReduceMean", {"a"}, {"b"});
  function.add_opset_import()->set_version(18);
  model.Input("x", {1, 2}).Output("y");
  Call(model, "f", {"x"}, {"y"}, {}, "call");
  Import(model);
  model.proto().mutable_functions(0)->mutable_opset_import(0)->set_version(17);
  ExpectRefused(model, absl::StatusCode::kUnimplemented, "'call' (f)");
  ExpectRefused(model, absl::StatusCode::kUnimplemented, "operator ReduceMean");
}

// Each function calls the one before twice: 2^40 nodes.
TEST(FunctionsTest, ExponentialNestingIsRefusedSoon) {
  ModelBuilder model(15);
  AddNode(AddFunction(model, "f0", {"a"}, {"b"}), "Relu", {"a"}, {"b"});
  for (int i = 1; i <= 40; ++i) {
    const std::string inner = "f" + std::to_string(i - 1);
    onnx::FunctionProto& function = AddFunction(model, "f" + std::to_string(i), {"a"}, {"b"});
    AddNode(function, inner, {"a"}, {"t"}, kDomain);
    AddNode(function, inner, {"t"}, {"b"}, kDomain);
  }
  model.Input("x", {1}).Output("y");
  Call(model, "f40", {"x"}, {"y"});
  ExpectRefused(model, absl::StatusCode::kResourceExhausted, "200000 nodes");
}

TEST(FunctionsTest, DeepNestingIsRefused) {
  ModelBuilder model(15);
  AddNode(AddFunction(model, "f0", {"a"}, {"b"}), "Relu", {"a"}, {"b"});
  for (int i = 1; i <= 100; ++i) {
    onnx::FunctionProto& function = AddFunction(model, "f" + std::to_string(i), {"a"}, {"b"});
    AddNode(function, "f" + std::to_string(i - 1), {"a"}, {"b"}, kDomain).set_name("n");
  }
  model.Input("x", {1}).Output("y");
  Call(model, "f100", {"x"}, {"y"}, {}, "call");
  ExpectRefused(model, absl::StatusCode::kInvalidArgument, "nested too deeply at function");
}

}  // namespace
}  // namespace halftone
