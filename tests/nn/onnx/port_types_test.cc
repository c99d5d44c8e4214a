// What the types of an exported model are.
#include "nn/onnx/port_types.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/nn/graph/graph_builder.h"
#include "tests/nn/onnx/exported.h"

namespace halftone {
namespace {

using Ops = std::vector<std::string>;
constexpr int64_t kN = Shape::kDynamic;

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
