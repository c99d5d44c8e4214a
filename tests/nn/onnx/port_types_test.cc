// Inputs and outputs of an exported model are of the types that the network's file has.
#include "nn/onnx/port_types.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "tests/nn/graph/graph_builder.h"
#include "tests/nn/onnx/exported.h"

namespace halftone {
namespace {

using Ops = std::vector<std::string>;
constexpr int64_t kN = Shape::kDynamic;
constexpr DataType kOtherFloats[] = {DataType::kFloat16, DataType::kBFloat16, DataType::kFloat64};

GraphBuilder::Attributes To(DataType type) { return {{"to", int64_t{OnnxNumber(type)}}}; }

// The operators in order, a Cast as "Cast" and its type.
Ops OpsOf(const onnx::ModelProto& model) {
  Ops ops;
  for (const onnx::NodeProto& node : model.graph().node()) {
    ops.push_back(node.op_type());
    if (node.op_type() != "Cast") continue;
    ops.back() += std::string(DataTypeName(*TypeOfOnnxNumber(node.attribute(0).i())));
  }
  return ops;
}

DataType TypeOf(const onnx::ValueInfoProto& port) {
  return *TypeOfOnnxNumber(port.type().tensor_type().elem_type());
}

Graph Reimported(const onnx::ModelProto& model) {
  const auto graph = ImportOnnx(model.SerializeAsString(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.value_or(Graph());
}

TEST(PortTypes, AreThoseOfTheFile) {
  const size_t nodes = BindBatch(Reimported(Export({})), 1)->nodes.size();
  for (const DataType type : kOtherFloats) {
    Graph graph = SmallNetwork();
    graph.inputs[0].info.type = graph.outputs[0].info.type = type;
    const onnx::ModelProto model = Export({}, graph);
    const std::string there(DataTypeName(type));
    EXPECT_EQ(OpsOf(model).front(), "Castfloat32");
    EXPECT_EQ(OpsOf(model).back(), "Cast" + there);
    const Graph again = Reimported(model);
    EXPECT_EQ(again.inputs[0].name, "input");
    EXPECT_EQ(again.inputs[0].info.type, type);
    EXPECT_EQ(again.inputs[0].info.shape, graph.inputs[0].info.shape);
    EXPECT_EQ(again.outputs[0].name, "logits");
    EXPECT_EQ(again.outputs[0].info.type, type);
    EXPECT_EQ(BindBatch(again, 1)->nodes.size(), nodes + 1) << "that of the output is left";
  }
}

TEST(PortTypes, FloatsAndIntegersNeedNoCast) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}).Input("i", {kN, 2}, DataType::kInt64).Op("Relu", {"x"}, {"y"});
  builder.Op("Add", {"i", "i"}, {"j"}).Output("y").Output("j", DataType::kInt64);
  const onnx::ModelProto model = Export({}, builder.graph());
  EXPECT_EQ(OpsOf(model), (Ops{"Relu", "Add"}));
  EXPECT_EQ(TypeOf(model.graph().input(1)), DataType::kInt64);
  EXPECT_EQ(TypeOf(model.graph().output(1)), DataType::kInt64);
}

TEST(PortTypes, AnInputIsCastOnceForAllItsReaders) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}, DataType::kFloat16).Op("Relu", {"x"}, {"r"}).Op("Neg", {"x"}, {"n"});
  builder.Op("Add", {"r", "n"}, {"y"}).Output("y");
  EXPECT_EQ(OpsOf(Export({}, builder.graph())), (Ops{"Castfloat32", "Relu", "Neg", "Add"}));
}

TEST(PortTypes, NoCastOfWhatIsNotRead) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}).Input("other", {kN, 2}, DataType::kFloat64);
  const onnx::ModelProto model = Export({}, builder.Op("Relu", {"x"}, {"y"}).Output("y").graph());
  EXPECT_EQ(OpsOf(model), (Ops{"Relu"}));
  EXPECT_EQ(TypeOf(model.graph().input(1)), DataType::kFloat64);
}

// Of "r", which is read, "y", which is named twice, and "c", a constant that is read.
TEST(PortTypes, AnOutputIsReadInFloat32) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2})
      .Floats("c", {2})
      .Op("Relu", {"x"}, {"r"})
      .Op("Add", {"r", "c"}, {"y"});
  for (const char* const name : {"r", "y", "c", "y"}) builder.Output(name, DataType::kFloat16);
  const onnx::ModelProto model = Export({}, builder.graph());
  EXPECT_EQ(OpsOf(model), (Ops{"Relu", "Add", "Castfloat16", "Castfloat16", "Castfloat16"}));
  for (const onnx::ValueInfoProto& output : model.graph().output()) {
    EXPECT_EQ(TypeOf(output), DataType::kFloat16);
    EXPECT_EQ(Producer(model, output.name())->op_type(), "Cast");
  }
  const onnx::NodeProto& add = model.graph().node(1);
  EXPECT_EQ(add.input(0), model.graph().node(0).output(0));
  EXPECT_NE(Initializer(model, add.input(1)), nullptr);
}

TEST(PortTypes, WhatIsPassedOnStaysWhatItIs) {
  for (const DataType type : kOtherFloats) {
    GraphBuilder builder;
    builder.Input("x", {kN, 2}, type).Op("Relu", {"x"}, {"y"}).Op("Identity", {"x"}, {"same"});
    builder.Op("Cast", {"x"}, {"half"}, To(DataType::kFloat16));
    builder.Output("x", type).Output("same", type).Output("half", DataType::kFloat16).Output("y");
    const onnx::ModelProto model = Export({}, builder.graph());
    EXPECT_EQ(OpsOf(model), (Ops{"Castfloat32", "Relu", "Identity", "Castfloat16"}));
    EXPECT_EQ(TypeOf(model.graph().output(0)), type);
    EXPECT_EQ(Producer(model, "same")->input(0), "x");
    EXPECT_EQ(Producer(model, "half")->input(0), "x");
    EXPECT_NE(Producer(model, "y")->input(0), "x");
  }
}

// As converters to float16 write a model whose inputs and outputs stay float32.
TEST(PortTypes, CastsAtTheBorderStandForThemselves) {
  GraphBuilder inside;
  inside.Input("x", {kN, 2}).Op("Cast", {"x"}, {"h"}, To(DataType::kFloat16));
  inside.Op("Relu", {"h"}, {"r"}).Op("Cast", {"r"}, {"y"}, To(DataType::kFloat32)).Output("y");
  const onnx::ModelProto model = Export({}, inside.graph());
  EXPECT_EQ(OpsOf(model), (Ops{"Relu", "Castfloat32"}));
  EXPECT_EQ(TypeOf(model.graph().input(0)), DataType::kFloat32);
  EXPECT_EQ(TypeOf(model.graph().output(0)), DataType::kFloat32);
  GraphBuilder behind;
  behind.Input("x", {kN, 2}).Op("Relu", {"x"}, {"r"});
  behind.Op("Cast", {"r"}, {"y"}, To(DataType::kFloat16)).Output("y", DataType::kFloat16);
  EXPECT_EQ(OpsOf(Export({}, behind.graph())), (Ops{"Relu", "Castfloat16"}));
}

// A mask of float16: what it is multiplied with is float32.
TEST(PortTypes, IntegersBecomeTheFloatsThatAreComputedWith) {
  GraphBuilder builder;
  builder.Input("x", {kN, 2}).Float("zero", 0).Op("Greater", {"x", "zero"}, {"positive"});
  builder.Op("Cast", {"positive"}, {"mask"}, To(DataType::kFloat16));
  builder.Op("Mul", {"x", "mask"}, {"y"}).Output("y");
  EXPECT_EQ(OpsOf(Export({}, builder.graph())), (Ops{"Greater", "Castfloat32", "Mul"}));
}

}  // namespace
}  // namespace halftone
