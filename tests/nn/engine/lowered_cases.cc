#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "nn/engine/lowering/lowering.h"
#include "nn/graph/passes.h"
#include "tests/nn/engine/op_cases.h"
#include "tests/nn/graph/graph_builder.h"

// Operators that are composed of ops, as nodes of graphs: their composition's derivatives.
namespace halftone {
namespace {

using Attributes = GraphBuilder::Attributes;
using Ints = std::vector<int64_t>;

// Appends the graph's nodes with the sources as its inputs; the value of its first output.
absl::StatusOr<ValueId> AppendGraph(ProgramBuilder& builder, const Graph& graph,
                                    absl::Span<const ValueId> srcs) {
  ValueTable values(builder, graph);
  for (size_t i = 0; i < srcs.size(); ++i) values.Set(graph.inputs[i].name, srcs[i]);
  const LowerOptions options;
  for (const Node& node : graph.nodes) {
    const LowerFunction lower = FindLowering(node.domain, node.op);
    if (lower == nullptr) return absl::UnimplementedError(node.op);
    HT_ASSIGN_OR_RETURN(const std::vector<ValueId> results,
                        lower({builder, graph, options, values, MakeNodeContext(graph, node)}));
    for (size_t i = 0; i < node.outputs.size(); ++i) values.Set(node.outputs[i], results[i]);
  }
  return values.Get(graph.outputs[0].name);
}

OpCase CaseOf(std::string name, const Graph& graph) {
  OpCase op_case;
  op_case.name = std::move(name);
  for (const Port& input : graph.inputs) op_case.srcs.push_back(input.info.shape);
  const auto bound = BindBatch(graph, graph.fixed_batch().value_or(1));
  EXPECT_TRUE(bound.ok()) << op_case.name << ": " << bound.status();
  if (!bound.ok()) return op_case;
  op_case.build = [graph = std::make_shared<const Graph>(*bound)](ProgramBuilder& builder,
                                                                  absl::Span<const ValueId> srcs) {
    return AppendGraph(builder, *graph, srcs);
  };
  return op_case;
}

// One node: sources x0, x1, ... and then constants.
struct OneNode {
  std::string name, op;
  std::vector<Shape> srcs;
  Attributes attributes = {};
  std::vector<Tensor> constants = {};
  int64_t opset = 18;
};

OpCase CaseOf(const OneNode& node) {
  GraphBuilder builder(node.opset);
  std::vector<std::string> inputs;
  for (size_t i = 0; i < node.srcs.size(); ++i) {
    inputs.push_back(absl::StrCat("x", i));
    builder.Input(inputs.back(), node.srcs[i]);
  }
  for (size_t i = 0; i < node.constants.size(); ++i) {
    inputs.push_back(absl::StrCat("c", i));
    builder.Constant(inputs.back(), node.constants[i]);
  }
  builder.Op(node.op, inputs, {"y"}, node.attributes).Output("y");
  return CaseOf(node.name, builder.graph());
}

Tensor List(const Ints& values) {
  return Tensor::Of<int64_t>(Shape{static_cast<int64_t>(values.size())}, values);
}
Tensor Scales(const std::vector<float>& values) {
  return Tensor::Of<float>(Shape{static_cast<int64_t>(values.size())}, values);
}
const Tensor kNothing = Tensor::Of<float>(Shape{0}, {});

void AddActivations(std::vector<OpCase>& cases) {
  const Shape shape = {3, 4, 5};
  const auto cornered = [&](const OneNode& node, std::vector<float> kinks) {
    cases.push_back(CaseOf(node));
    cases.back().values = OpCase::Values::kGrid;
    cases.back().kinks = std::move(kinks);
  };
  cornered({"Elu", "Elu", {shape}, {{"alpha", 0.7f}}}, {0});
  cornered({"Selu", "Selu", {shape}}, {0});
  cornered({"Celu", "Celu", {shape}, {{"alpha", 1.5f}}}, {0});
  cornered({"PRelu", "PRelu", {shape, Shape{4, 1}}}, {0});
  cornered({"ThresholdedRelu", "ThresholdedRelu", {shape}, {{"alpha", 0.5f}}}, {0.5f});
  cornered({"Shrink", "Shrink", {shape}, {{"bias", 0.2f}, {"lambd", 0.4f}}}, {-0.4f, 0.4f});
  cornered({"HardSwish", "HardSwish", {shape}, {}, {}, 14}, {-3, 3});
  cornered({"Softsign", "Softsign", {shape}}, {0});
  for (const char* op : {"Gelu", "Mish", "Softplus"}) {
    cases.push_back(CaseOf({op, op, {shape}}));
    cases.back().lower = -3;
    cases.back().upper = 3;
  }
  cases.push_back(CaseOf({"GeluTanh", "Gelu", {shape}, {{"approximate", std::string("tanh")}}}));
  cases.push_back(CaseOf({"PowSquareOfNegative", "Pow", {shape}, {}, {Tensor::Scalar(2.0f)}}));
  cases.push_back(CaseOf({"PowCubeOfNegative", "Pow", {shape}, {}, {Tensor::Scalar(3.0f)}}));
}

// As exporters write them with the operators of opset 13.
void AddWrittenOut(std::vector<OpCase>& cases) {
  GraphBuilder norm(13);
  norm.Input("x", {2, 3, 8}).Input("scale", {8}).Input("bias", {8});
  norm.Constant("two", Tensor::Scalar(2.0f)).Constant("epsilon", Tensor::Scalar(1e-5f));
  norm.Op("ReduceMean", {"x"}, {"mean"}, {{"axes", Ints{-1}}}).Op("Sub", {"x", "mean"}, {"d"});
  norm.Op("Pow", {"d", "two"}, {"square"});
  norm.Op("ReduceMean", {"square"}, {"variance"}, {{"axes", Ints{-1}}});
  norm.Op("Add", {"variance", "epsilon"}, {"v"}).Op("Sqrt", {"v"}, {"deviation"});
  norm.Op("Div", {"d", "deviation"}, {"n"}).Op("Mul", {"n", "scale"}, {"s"});
  norm.Op("Add", {"s", "bias"}, {"y"}).Output("y");
  cases.push_back(CaseOf("WrittenOutLayerNormalization", norm.graph()));

  GraphBuilder gelu(13);
  gelu.Input("x", {3, 7}).Constant("root", Tensor::Scalar(1.41421354f));
  gelu.Constant("one", Tensor::Scalar(1.0f)).Constant("half", Tensor::Scalar(0.5f));
  gelu.Op("Div", {"x", "root"}, {"a"}).Op("Erf", {"a"}, {"e"}).Op("Add", {"e", "one"}, {"f"});
  gelu.Op("Mul", {"x", "f"}, {"g"}).Op("Mul", {"g", "half"}, {"y"}).Output("y");
  cases.push_back(CaseOf("WrittenOutGelu", gelu.graph()));

  GraphBuilder tanh(13);
  tanh.Input("x", {3, 7}).Constant("three", Tensor::Scalar(3.0f));
  tanh.Constant("k", Tensor::Scalar(0.044715f)).Constant("r", Tensor::Scalar(0.797884583f));
  tanh.Constant("one", Tensor::Scalar(1.0f)).Constant("half", Tensor::Scalar(0.5f));
  tanh.Op("Pow", {"x", "three"}, {"cube"}).Op("Mul", {"cube", "k"}, {"a"});
  tanh.Op("Add", {"x", "a"}, {"b"}).Op("Mul", {"b", "r"}, {"c"}).Op("Tanh", {"c"}, {"t"});
  tanh.Op("Add", {"t", "one"}, {"f"}).Op("Mul", {"x", "half"}, {"h"});
  tanh.Op("Mul", {"h", "f"}, {"y"}).Output("y");
  cases.push_back(CaseOf("WrittenOutTanhGelu", tanh.graph()));
}

void AddNormalizations(std::vector<OpCase>& cases) {
  const Shape image = {2, 4, 3, 5};
  cases.push_back(CaseOf({"LayerNormalization", "LayerNormalization", {{2, 3, 8}, {8}, {8}}}));
  cases.push_back(CaseOf({"LayerNormalizationOfTwoAxes",
                          "LayerNormalization",
                          {{2, 3, 4}, {3, 4}},
                          {{"axis", int64_t{1}}, {"epsilon", 0.1f}}}));
  cases.push_back(
      CaseOf({"InstanceNormalization", "InstanceNormalization", {image, Shape{4}, Shape{4}}}));
  cases.push_back(CaseOf({"GroupNormalization",
                          "GroupNormalization",
                          {image, Shape{2}, Shape{2}},
                          {{"num_groups", int64_t{2}}}}));
  cases.push_back(CaseOf({"GroupNormalizationOfChannels",
                          "GroupNormalization",
                          {image, Shape{4}, Shape{4}},
                          {{"num_groups", int64_t{2}}},
                          {},
                          21}));
  cases.push_back(CaseOf({"MeanVarianceNormalization", "MeanVarianceNormalization", {image}}));
  cases.push_back(CaseOf({"Lrn", "LRN", {image}, {{"size", int64_t{3}}, {"alpha", 0.5f}}}));
  cases.push_back(CaseOf({"LpNormalization", "LpNormalization", {{3, 5}}}));
  cases.push_back(CaseOf({"SoftmaxOfOpset12", "Softmax", {{2, 3, 4}}, {}, {}, 12}));
}

void AddReductions(std::vector<OpCase>& cases) {
  const Shape shape = {3, 4, 5};
  for (const char* op : {"ReduceMean", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"}) {
    cases.push_back(CaseOf({op, op, {shape}, {{"keepdims", int64_t{0}}}, {List({0, 2})}}));
  }
  for (const char* op : {"ReduceMax", "ReduceMin", "ReduceL1"}) {
    cases.push_back(CaseOf({op, op, {shape}, {}, {List({1})}}));
    cases.back().values = OpCase::Values::kGrid;
    cases.back().kinks = {0};
  }
  for (const char* op : {"ReduceProd", "ReduceLogSum"}) {
    cases.push_back(CaseOf({op, op, {shape}, {}, {List({0, 1})}}));
    cases.back().lower = 0.5f;
    cases.back().upper = 1.2f;
  }
  cases.push_back(CaseOf({"CumSum", "CumSum", {shape}, {}, {Tensor::Scalar<int64_t>(1)}}));
  cases.push_back(CaseOf({"CumSumBackwards",
                          "CumSum",
                          {shape},
                          {{"reverse", int64_t{1}}, {"exclusive", int64_t{1}}},
                          {Tensor::Scalar<int64_t>(-1)}}));
}

void AddIndexing(std::vector<OpCase>& cases) {
  const Shape shape = {3, 4, 2};
  const Tensor pairs = Tensor::Of<int64_t>(Shape{3, 2}, {0, 1, 2, 3, 1, 0});
  const Tensor elements =
      Tensor::Of<int64_t>(Shape{2, 4, 2}, {0, 2, 1, 1, 0, 2, 2, 0, 1, 1, 2, 2, 0, 0, 1, 0});
  cases.push_back(CaseOf({"GatherElements", "GatherElements", {shape}, {}, {elements}}));
  cases.push_back(CaseOf({"GatherNd", "GatherND", {shape}, {}, {pairs}}));
  cases.push_back(CaseOf({"Compress",
                          "Compress",
                          {shape},
                          {{"axis", int64_t{1}}},
                          {Tensor::FromInts(DataType::kBool, Shape{4}, {1, 0, 1, 1})}}));
  cases.push_back(CaseOf({"Trilu", "Trilu", {{2, 4, 5}}}));
  cases.push_back(CaseOf({"Tile", "Tile", {shape}, {}, {List({2, 1, 3})}}));
  const Attributes blocks = {{"blocksize", int64_t{2}}};
  cases.push_back(CaseOf({"DepthToSpace", "DepthToSpace", {{2, 8, 2, 3}}, blocks}));
  cases.push_back(CaseOf({"SpaceToDepth", "SpaceToDepth", {{2, 2, 4, 6}}, blocks}));
  // Updates are the second source: the indices stand between them.
  for (const char* reduction : {"none", "add", "mul"}) {
    GraphBuilder scatter(18);
    scatter.Input("data", shape).Input("updates", {3, 2}).Constant("indices", pairs);
    scatter.Op("ScatterND", {"data", "indices", "updates"}, {"y"},
               {{"reduction", std::string(reduction)}});
    cases.push_back(CaseOf(absl::StrCat("ScatterNd_", reduction), scatter.Output("y").graph()));
  }
  GraphBuilder where(13);
  where.Input("a", shape).Input("b", {4, 1});
  where.Constant("mask", Tensor::FromInts(DataType::kBool, Shape{4, 2}, {1, 0, 0, 1, 1, 1, 0, 0}));
  cases.push_back(
      CaseOf("Where", where.Op("Where", {"mask", "a", "b"}, {"y"}).Output("y").graph()));
}

// One node whose source `at` is not differentiated, but holds those numbers while the program runs.
OpCase WithFixed(OneNode node, size_t at, const Tensor& fixed, DataType type) {
  GraphBuilder builder(node.opset);
  std::vector<std::string> inputs;
  node.srcs.insert(node.srcs.begin() + static_cast<std::ptrdiff_t>(at), fixed.shape());
  for (size_t i = 0; i < node.srcs.size(); ++i) {
    inputs.push_back(absl::StrCat("x", i));
    builder.Input(inputs.back(), node.srcs[i], i == at ? type : DataType::kFloat32);
  }
  for (size_t i = 0; i < node.constants.size(); ++i) {
    inputs.push_back(absl::StrCat("c", i));
    builder.Constant(inputs.back(), node.constants[i]);
  }
  builder.Op(node.op, inputs, {"y"}, node.attributes).Output("y");
  OpCase op_case = CaseOf(node.name, builder.graph());
  op_case.srcs.erase(op_case.srcs.begin() + static_cast<std::ptrdiff_t>(at));
  op_case.fixed = {{at, fixed}};
  return op_case;
}

// By indices that the network computes.
void AddComputedIndexing(std::vector<OpCase>& cases) {
  const auto add = [&](const std::string& name, const std::string& op, std::vector<Shape> srcs,
                       const Tensor& indices, Attributes attributes = {}) {
    cases.push_back(
        WithFixed({absl::StrCat("Computed", name), op, std::move(srcs), std::move(attributes)}, 1,
                  indices, DataType::kInt64));
  };
  const Shape shape = {3, 4, 2};
  const Tensor elements = Tensor::Of<float>(Shape{2, 3, 2}, {0, 2, -1, 1, 0, 2, 2, 0, 1, -3, 2, 2});
  const Tensor pairs = Tensor::Of<float>(Shape{3, 2}, {0, 1, 2, -1, 1, 0});
  const Tensor repeated = Tensor::Of<float>(Shape{3, 2}, {0, 1, 2, 3, 0, 1});
  add("GatherElements", "GatherElements", {shape}, elements);
  add("GatherElementsLast", "GatherElements", {{2, 3, 3}}, elements, {{"axis", int64_t{2}}});
  add("GatherNd", "GatherND", {shape}, pairs);
  add("GatherNdBatched", "GatherND", {{3, 3, 4}}, pairs, {{"batch_dims", int64_t{1}}});
  add("ReverseSequence", "ReverseSequence", {{4, 3, 2}}, Tensor::Of<float>(Shape{3}, {3, 1, 4}));
  for (const char* reduction : {"none", "add"}) {
    const Attributes attributes = {{"reduction", std::string(reduction)}};
    add(absl::StrCat("ScatterNd_", reduction), "ScatterND", {shape, {3, 2}}, repeated, attributes);
    add(absl::StrCat("ScatterElements_", reduction), "ScatterElements", {shape, {2, 3, 2}},
        elements, attributes);
  }
}

// Positions between elements, and away from where their derivatives jump.
void AddSampling(std::vector<OpCase>& cases) {
  for (const char* mode : {"linear", "cubic"}) {
    for (const char* padding : {"zeros", "border", "reflection"}) {
      for (const int64_t align : {0, 1}) {
        const OneNode node = {absl::StrCat("GridSample_", mode, "_", padding, align),
                              "GridSample",
                              {{2, 3, 4, 5}},
                              {{"mode", std::string(mode)},
                               {"padding_mode", std::string(padding)},
                               {"align_corners", align}},
                              {},
                              20};
        const Tensor grid = Tensor::Of<float>(
            Shape{2, 2, 2, 2}, {-0.9f, -0.7f, 0.33f, 0.21f, 1.37f, -1.6f, 0.8f, 0.97f, -0.13f, 0.4f,
                                -1.21f, 1.33f, 0.05f, -0.43f, 0.71f, 0.52f});
        cases.push_back(WithFixed(node, 1, grid, DataType::kFloat32));
      }
    }
  }
  cases.push_back(CaseOf({"GridSamplePositions",
                          "GridSample",
                          {{2, 2, 3, 3}, {2, 1, 2, 2}},
                          {{"mode", std::string("linear")}, {"align_corners", int64_t{1}}},
                          {},
                          20}));
  cases.back().lower = 0.2f;  // one cell of the image
  cases.back().upper = 0.8f;
  cases.push_back(CaseOf({"AffineGrid", "AffineGrid", {{2, 2, 3}}, {}, {List({2, 1, 3, 4})}, 20}));
  GraphBuilder roi(16);
  roi.Input("x", {2, 2, 5, 6});
  roi.Constant("boxes", Tensor::Of<float>(Shape{3, 4}, {0.3f, 0.4f, 4.1f, 3.7f, 1.2f, 0.6f, 5.9f,
                                                        4.8f, -1.5f, -1.2f, 2.2f, 7.3f}));
  roi.Ints("samples", {0, 1, 1});
  roi.Op("RoiAlign", {"x", "boxes", "samples"}, {"y"},
         {{"output_height", int64_t{2}},
          {"output_width", int64_t{3}},
          {"sampling_ratio", int64_t{2}},
          {"spatial_scale", 0.9f}});
  cases.push_back(CaseOf("RoiAlign", roi.Output("y").graph()));
}

void AddSignals(std::vector<OpCase>& cases) {
  cases.push_back(CaseOf({"Dft", "DFT", {{2, 6, 1}}, {{"onesided", int64_t{1}}}, {}, 17}));
  cases.push_back(CaseOf({"DftInverse",
                          "DFT",
                          {{2, 3, 5, 2}},
                          {{"inverse", int64_t{1}}, {"axis", int64_t{1}}},
                          {},
                          17}));
  cases.push_back(
      CaseOf({"Stft",
              "STFT",
              {{2, 9, 1}},
              {},
              {Tensor::Scalar<int64_t>(2), Scales({0.5f, 1, 1, 0.5f}), Tensor::Scalar<int64_t>(4)},
              17}));
  cases.push_back(CaseOf({"TopK", "TopK", {{3, 5, 2}}, {{"axis", int64_t{1}}}, {List({3})}, 11}));
  cases.back().values = OpCase::Values::kGrid;
  cases.push_back(CaseOf({"Col2Im",
                          "Col2Im",
                          {{2, 12, 6}},
                          {{"pads", Ints{1, 0, 0, 1}}},
                          {List({2, 3}), List({2, 2})},
                          18}));
}

void AddProducts(std::vector<OpCase>& cases) {
  const auto einsum = [&](const std::string& name, const std::string& equation,
                          std::vector<Shape> srcs) {
    cases.push_back(CaseOf(
        {absl::StrCat("Einsum", name), "Einsum", std::move(srcs), {{"equation", equation}}}));
  };
  einsum("Attention", "bhid,bhjd->bhij", {{2, 3, 4, 5}, {2, 3, 6, 5}});
  einsum("Diagonal", "...ii->...i", {{2, 3, 3}});
  einsum("Trace", "ii", {{4, 4}});
  einsum("Outer", "i,j->ji", {{3}, {4}});
  einsum("Three", "ab,bc,cd->ad", {{2, 3}, {3, 4}, {4, 2}});
  einsum("Broadcast", "...ij,jk", {{2, 3, 4}, {4, 5}});
  cases.push_back(CaseOf({"ConvTranspose",
                          "ConvTranspose",
                          {{2, 4, 3, 4}, {4, 3, 3, 2}, {6}},
                          {{"strides", Ints{2, 1}},
                           {"pads", Ints{1, 0, 0, 1}},
                           {"output_padding", Ints{1, 0}},
                           {"group", int64_t{2}}}}));
  cases.push_back(CaseOf({"ConvFarPads",
                          "Conv",
                          {{1, 2, 4, 3}, {3, 2, 3, 2}},
                          {{"pads", Ints{4, 1, 0, 2}}, {"dilations", Ints{2, 1}}}}));
  cases.push_back(
      CaseOf({"ConvFarPadsBefore", "Conv", {{2, 2, 5}, {2, 2, 2}}, {{"pads", Ints{3, 0}}}}));
  const Tensor scales = Scales({1, 1, 1.6f, 0.7f});
  for (const char* mode : {"linear", "cubic"}) {
    cases.push_back(CaseOf({absl::StrCat("Resize_", mode),
                            "Resize",
                            {{1, 2, 4, 5}},
                            {{"mode", std::string(mode)}},
                            {kNothing, scales},
                            13}));
  }
}

}  // namespace

std::vector<OpCase> LoweredCases() {
  std::vector<OpCase> cases;
  AddActivations(cases);
  AddWrittenOut(cases);
  AddNormalizations(cases);
  AddReductions(cases);
  AddIndexing(cases);
  AddComputedIndexing(cases);
  AddSampling(cases);
  AddSignals(cases);
  AddProducts(cases);
  return cases;
}

}  // namespace halftone
