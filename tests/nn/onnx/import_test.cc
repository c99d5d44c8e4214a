// What real exporters write differently, and what must come out the same.
#include "nn/onnx/import.h"

#include <limits>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/graph/layer.h"
#include "nn/graph/narrow_float.h"
#include "nn/graph/passes.h"
#include "tests/nn/onnx/model_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;

Graph Import(const ModelBuilder& model) {
  absl::StatusOr<Graph> graph = ImportOnnx(model.Bytes(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? *std::move(graph) : Graph();
}

TEST(ImportTest, ReadsPortsOpsetAndSymbolicBatch) {
  ModelBuilder model(15);
  model.Input("x", {-1, 3}).Node("Relu", {"x"}, {"y"}).Output("y");
  const Graph graph = Import(model);
  EXPECT_EQ(graph.opset, 15);
  ASSERT_EQ(graph.inputs.size(), 1);
  EXPECT_EQ(graph.inputs[0].info.shape, (Shape{Shape::kDynamic, 3}));
  EXPECT_EQ(graph.inputs[0].info.type, DataType::kFloat32);
  EXPECT_EQ(graph.outputs[0].name, "y");
}

// Paddle's exporter writes both; two axes called "?" are not of one size.
TEST(ImportTest, AnOutputWithoutAShapeHasAType) {
  ModelBuilder model;
  model.Input("x", {-1, 2}, onnx::TensorProto::DOUBLE).Node("Relu", {"x"}, {"y"}).Output("y");
  auto& type = *model.graph().mutable_output(0)->mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::DOUBLE);
  EXPECT_FALSE(type.has_shape());
  EXPECT_EQ(Import(model).outputs[0].info.type, DataType::kFloat64);
}

TEST(ImportTest, OpenAxesMayBeMinusOneOrHaveNoName) {
  ModelBuilder model(11);
  model.Input("x", {7, 3, 8, 8}).Node("Relu", {"x"}, {"y"}).Output("y");
  auto& shape =
      *model.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  shape.mutable_dim(0)->set_dim_value(-1);
  for (const int axis : {2, 3}) shape.mutable_dim(axis)->set_dim_param("?");
  const Graph graph = Import(model);
  ASSERT_EQ(graph.inputs.size(), 1);
  EXPECT_EQ(graph.inputs[0].info.shape,
            (Shape{Shape::kDynamic, 3, Shape::kDynamic, Shape::kDynamic}));
  EXPECT_THAT(graph.inputs[0].axis_names, ElementsAre("", "", "", ""));
}

TEST(ImportTest, TakesInitializersOutOfTheInputs) {
  ModelBuilder model(9);
  model.Input("x", {-1, 2}).Input("w", {2, 2}).Floats("w", {2, 2});
  model.Node("MatMul", {"x", "w"}, {"y"}).Output("y");
  const Graph graph = Import(model);
  ASSERT_EQ(graph.inputs.size(), 1);
  EXPECT_EQ(graph.inputs[0].name, "x");
}

TEST(ImportTest, NamesUnnamedNodesUniquely) {
  ModelBuilder model;
  model.Input("x", {1, 2}).Node("Relu", {"x"}, {"a"}).Node("Relu", {"a"}, {"b"}, {}, "Relu_0");
  model.Node("Relu", {"b"}, {"y"}, {}, "Relu_0").Output("y");
  std::vector<std::string> names;
  for (const Node& node : Import(model).nodes) names.push_back(node.name);
  EXPECT_THAT(names, ElementsAre("Relu_0_1", "Relu_0", "Relu_0_2"));
}

TEST(ImportTest, SortsNodes) {
  ModelBuilder model;
  model.Input("x", {1, 2}).Node("Relu", {"a"}, {"y"}, {}, "second");
  model.Node("Neg", {"x"}, {"a"}, {}, "first").Output("y");
  const Graph graph = Import(model);
  EXPECT_EQ(graph.nodes[0].name, "first");
  EXPECT_EQ(graph.nodes[1].name, "second");
}

TEST(ImportTest, ConstantNodesBecomeInitializers) {
  ModelBuilder model;
  model.Input("x", {1, 2}).Output("y");
  model.Node("Constant", {}, {"f"}, {{"value_float", 2.5f}});
  model.Node("Constant", {}, {"fs"}, {{"value_floats", std::vector<float>{1, 2}}});
  model.Node("Constant", {}, {"i"}, {{"value_int", int64_t{7}}});
  model.Node("Constant", {}, {"is"}, {{"value_ints", std::vector<int64_t>{3, 4}}});
  model.Node("Constant", {}, {"t"});
  onnx::AttributeProto& value = *model.graph().mutable_node(4)->add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx::TensorProto::INT32);
  value.mutable_t()->add_dims(2);
  value.mutable_t()->add_int32_data(-5);
  value.mutable_t()->add_int32_data(6);
  model.Node("Relu", {"x"}, {"y"});
  const Graph graph = Import(model);
  EXPECT_EQ(graph.nodes.size(), 1);
  EXPECT_THAT(*graph.initializers.at("f").ToFloats(), ElementsAre(2.5f));
  EXPECT_THAT(*graph.initializers.at("fs").ToFloats(), ElementsAre(1, 2));
  EXPECT_THAT(*graph.initializers.at("i").ToInts(), ElementsAre(7));
  EXPECT_EQ(graph.initializers.at("i").shape(), Shape{});
  EXPECT_THAT(*graph.initializers.at("is").ToInts(), ElementsAre(3, 4));
  EXPECT_THAT(*graph.initializers.at("t").ToInts(), ElementsAre(-5, 6));
  EXPECT_EQ(graph.initializers.at("t").type(), DataType::kInt32);
}

// Known to ONNX, if not to every version of it, and not malformed.
TEST(ImportTest, NewerTypesAreUnimplemented) {
  for (const int32_t type : {24, 26, 27}) {
    ModelBuilder model;
    model.Input("x", {1}).Node("Relu", {"x"}, {"y"}).Output("y");
    onnx::TensorProto& tensor = *model.graph().add_initializer();
    tensor.set_name("t");
    tensor.set_data_type(type);
    const absl::Status status = ImportOnnx(model.Bytes(), {}).status();
    EXPECT_EQ(status.code(),
              type == 27 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kUnimplemented)
        << status;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(std::to_string(type)));
  }
}

struct TypedData {
  int32_t type;
  DataType expected;
};

void PrintTo(const TypedData& data, std::ostream* out) { *out << DataTypeName(data.expected); }

class TypedDataTest : public ::testing::TestWithParam<TypedData> {};

// The elements 1 and 2, in the list that ONNX keeps them in for this type.
TEST_P(TypedDataTest, ReadsTheListThatTheTypeUses) {
  ModelBuilder model;
  model.Input("x", {1}).Node("Relu", {"x"}, {"y"}).Output("y");
  onnx::TensorProto& tensor = *model.graph().add_initializer();
  tensor.set_name("t");
  tensor.set_data_type(GetParam().type);
  tensor.add_dims(2);
  const bool half = GetParam().expected == DataType::kFloat16;
  const bool bfloat = GetParam().expected == DataType::kBFloat16;
  const auto format = NarrowFloatOf(GetParam().expected);
  const bool narrow = format.has_value();
  for (const int i : {1, 2}) {
    switch (GetParam().type) {
      case onnx::TensorProto::FLOAT:
        tensor.add_float_data(static_cast<float>(i));
        break;
      case onnx::TensorProto::DOUBLE:
        tensor.add_double_data(i);
        break;
      case onnx::TensorProto::INT64:
        tensor.add_int64_data(i);
        break;
      case onnx::TensorProto::UINT32:
      case onnx::TensorProto::UINT64:
        tensor.add_uint64_data(static_cast<uint64_t>(i));
        break;
      default:
        tensor.add_int32_data(half     ? (i == 1 ? 0x3c00 : 0x4000)
                              : bfloat ? (i == 1 ? 0x3f80 : 0x4000)
                              : narrow ? format->Encode(i)
                                       : i);
    }
  }
  const Tensor read = Import(model).initializers.at("t");
  EXPECT_EQ(read.type(), GetParam().expected);
  if (IsFloat(read.type())) {
    EXPECT_THAT(*read.ToFloats(), ElementsAre(1, 2));
  } else {
    EXPECT_THAT(*read.ToInts(), ElementsAre(1, read.type() == DataType::kBool ? 1 : 2));
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllTypes, TypedDataTest,
    ::testing::Values(TypedData{onnx::TensorProto::FLOAT, DataType::kFloat32},
                      TypedData{onnx::TensorProto::DOUBLE, DataType::kFloat64},
                      TypedData{onnx::TensorProto::FLOAT16, DataType::kFloat16},
                      TypedData{onnx::TensorProto::BFLOAT16, DataType::kBFloat16},
                      TypedData{onnx::TensorProto::INT8, DataType::kInt8},
                      TypedData{onnx::TensorProto::UINT8, DataType::kUint8},
                      TypedData{onnx::TensorProto::INT16, DataType::kInt16},
                      TypedData{onnx::TensorProto::UINT16, DataType::kUint16},
                      TypedData{onnx::TensorProto::INT32, DataType::kInt32},
                      TypedData{onnx::TensorProto::UINT32, DataType::kUint32},
                      TypedData{onnx::TensorProto::INT64, DataType::kInt64},
                      TypedData{onnx::TensorProto::UINT64, DataType::kUint64},
                      TypedData{onnx::TensorProto::BOOL, DataType::kBool},
                      TypedData{17, DataType::kFloat8E4M3Fn},
                      TypedData{18, DataType::kFloat8E4M3Fnuz},
                      TypedData{19, DataType::kFloat8E5M2},
                      TypedData{20, DataType::kFloat8E5M2Fnuz}));

TEST(ImportTest, KeepsOperatorsItDoesNotKnowAndNamesThem) {
  ModelBuilder model;
  model.Input("x", {1, 2}).Output("y");
  model.Node("Relu", {"x"}, {"a"}).Node("Frobnicate", {"a"}, {"b"}, {}, "odd");
  model.Node("Relu", {"b"}, {"c"}).Node("If", {"c"}, {"y"}, {}, "branch");
  model.graph().mutable_node(1)->set_domain("com.example");
  const Graph graph = Import(model);
  EXPECT_EQ(graph.nodes.size(), 4);
  const std::vector<Unsupported> unsupported = FindUnsupported(graph);
  ASSERT_EQ(unsupported.size(), 1) << "what reads an unsupported node's result is not judged";
  EXPECT_EQ(unsupported[0].node, "odd");
  EXPECT_EQ(unsupported[0].op, "Frobnicate");
  EXPECT_THAT(unsupported[0].reason, ::testing::HasSubstr("com.example"));
  const absl::Status status = BindBatch(graph, 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("'odd'"));
}

TEST(ImportTest, UpsampleOfOpset9IsResize) {
  ModelBuilder model(9);
  model.Input("x", {-1, 1, 2, 2}).Floats("s", {4}, {1, 1, 2, 3}).Output("y");
  model.Node("Upsample", {"x", "s"}, {"y"}, {{"mode", std::string("nearest")}});
  absl::StatusOr<Graph> bound = BindBatch(Import(model), 3);
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_EQ(bound->nodes[0].op, "Resize");
  EXPECT_EQ(bound->outputs[0].info.shape, (Shape{3, 1, 4, 6}));
}

TEST(ImportTest, OlderOpsetsBecomeTheOldestOfGraphs) {
  for (const int64_t opset : {7, 8}) {
    ModelBuilder model(opset);
    model.Input("x", {-1, 1, 2, 2}).Floats("v", {1}).Floats("var", {1}, {1}).Output("y");
    model.Node("BatchNormalization", {"x", "v", "v", "v", "var"}, {"b"}, {{"spatial", int64_t{1}}});
    model.Node("Upsample", {"b"}, {"u"}, {{"scales", std::vector<float>{1, 1, 2, 3}}}, "up");
    model.Node("Flatten", {"u"}, {"f"}).Floats("w", {24, 2}).Floats("c", {2});
    model.Node("Gemm", {"f", "w", "c"}, {"y"});
    const Graph graph = Import(model);
    EXPECT_EQ(graph.opset, 9);
    absl::StatusOr<Graph> bound = BindBatch(graph, 3);
    ASSERT_TRUE(bound.ok()) << bound.status();
    EXPECT_EQ(bound->values.at("u").shape, (Shape{3, 1, 4, 6}));
    EXPECT_EQ(bound->outputs[0].info.shape, (Shape{3, 2}));
  }
}

TEST(ImportTest, OutputsWithoutANameAreNone) {
  ModelBuilder model(8);
  model.Input("x", {1, 1, 2}).Floats("v", {1}).Floats("var", {1}, {1}).Output("y");
  model.Node("BatchNormalization", {"x", "v", "v", "v", "var"}, {"y", "", "", "", ""});
  const absl::StatusOr<Graph> bound = BindBatch(Import(model), 1);
  EXPECT_TRUE(bound.ok()) << bound.status();
}

TEST(ImportTest, RefusesWhatOlderOpsetsHadOtherwise) {
  ModelBuilder scan(8);
  scan.Input("x", {1, 2}).Node("Scan", {"", "x"}, {"y"}, {}, "steps").Output("y");
  ModelBuilder norm(7);
  norm.Input("x", {1, 2}).Floats("v", {1}).Floats("var", {1}, {1}).Output("y");
  norm.Node("BatchNormalization", {"x", "v", "v", "v", "var"}, {"y"}, {{"spatial", int64_t{0}}},
            "norm");
  for (const auto& [model, name] : {std::pair(scan, "'steps'"), std::pair(norm, "'norm'")}) {
    absl::StatusOr<Graph> graph = ImportOnnx(model.Bytes(), {});
    if (graph.ok()) graph = BindBatch(*graph, 1);
    EXPECT_EQ(graph.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(graph.status().message()), ::testing::HasSubstr(name));
  }
}

TEST(ImportTest, TakesOpsetsBefore7WhereNothingChanged) {
  ModelBuilder model(6);
  model.Input("x", {1, 2}).Node("Relu", {"x"}, {"y"}).Output("y");
  EXPECT_EQ(Import(model).opset, 9);
  model.Node("Add", {"x", "y"}, {"z"});
  const absl::Status status = ImportOnnx(model.Bytes(), {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("operator Add"));
}

TEST(ImportTest, AcceptsInfinityInBoundsOnly) {
  const float infinity = std::numeric_limits<float>::infinity();
  ModelBuilder model;
  model.Input("x", {1, 2}).Floats("low", {}, {0}).Floats("high", {}, {infinity}).Output("y");
  model.Node("Clip", {"x", "low", "high"}, {"y"});
  EXPECT_TRUE(ImportOnnx(model.Bytes(), {}).ok());
}

// Masks are cut and moved before they are added; what is multiplied is no mask.
TEST(ImportTest, AcceptsInfinityInMasksThatAreMoved) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const char* reader : {"Add", "Mul"}) {
    ModelBuilder model;
    model.Input("x", {3, 2}).Floats("mask", {1, 6}, {0, -infinity, 0, 0, -infinity, 0}).Output("y");
    model.Ints("shape", {2}, {3, 2}).Node("Reshape", {"mask", "shape"}, {"m"});
    model.Node("Identity", {"m"}, {"n"}).Node(reader, {"x", "n"}, {"y"});
    EXPECT_EQ(ImportOnnx(model.Bytes(), {}).ok(), reader == std::string("Add"));
  }
}

TEST(ImportTest, AcceptsInfinityInAttributesThatBound) {
  ModelBuilder model(9);
  model.Input("x", {1, 2}).Output("y");
  model.Node("Clip", {"x"}, {"y"}, {{"max", std::numeric_limits<float>::infinity()}});
  const absl::StatusOr<Graph> graph = ImportOnnx(model.Bytes(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
}

TEST(ImportTest, LeavesAttributesOfOtherDomainsAlone) {
  ModelBuilder model;
  model.Input("x", {1, 2}).Output("y");
  model.Node("Imputer", {"x"}, {"y"}, {{"replaced", std::nanf("")}});
  model.graph().mutable_node(0)->set_domain("ai.onnx.ml");
  const absl::StatusOr<Graph> graph = ImportOnnx(model.Bytes(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
}

}  // namespace
}  // namespace halftone
