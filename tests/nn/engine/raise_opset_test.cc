#include "nn/onnx/raise_opset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nn/engine/lower.h"
#include "nn/graph/passes.h"
#include "nn/onnx/export.h"
#include "nn/onnx/import.h"
#include "tests/nn/engine/graph_maker.h"
#include "tests/nn/engine/run_program.h"

// What an older opset says in another way is written so that it computes the same.
namespace halftone {
namespace {

using Integers = std::vector<int64_t>;

constexpr int64_t kBatch = 3;
const Shape kSample{2, 4, 6};  // of the input

std::vector<float> Output(const Graph& graph) {
  const auto bound = BindBatch(graph, graph.fixed_batch().value_or(kBatch));
  EXPECT_TRUE(bound.ok()) << bound.status();
  if (!bound.ok()) return {};
  const auto lowered = LowerGraph(*bound);
  EXPECT_TRUE(lowered.ok()) << lowered.status();
  if (!lowered.ok()) return {};
  std::vector<float> samples;
  for (int64_t i = 0; i < bound->values.at("x").shape.Elements(); ++i) {
    samples.push_back(std::sin(static_cast<float>(7 * i)) * 2);
  }
  const std::string& output = bound->outputs[0].name;
  const auto results =
      RunProgram(lowered->builder, {{output, lowered->values.at(output)}}, {{"x", samples}});
  EXPECT_TRUE(results.ok()) << results.status();
  return results.ok() ? results->at(output) : std::vector<float>();
}

struct OldForm {
  std::string name;
  int64_t opset;
  // Appends what is tested to "x" [N, 2, 4, 6]: the name of the output.
  std::function<std::string(GraphMaker&)> make;
};

void PrintTo(const OldForm& form, std::ostream* out) { *out << form.name << form.opset; }

std::string Resize(GraphMaker& maker, const std::string& mode, std::vector<float> scales) {
  const Shape count{static_cast<int64_t>(scales.size())};
  return maker.Node1("Resize", {"x", maker.Constant(Tensor::Of<float>(count, std::move(scales)))},
                     {{"mode", mode}});
}

const std::vector<OldForm>& Forms() {
  static const auto* const kForms = new std::vector<OldForm>{
      {"Softmax", 9, [](GraphMaker& m) { return m.Node1("Softmax", {"x"}); }},
      {"SoftmaxOfMiddle", 11,
       [](GraphMaker& m) {
         return m.Node1("Softmax", {"x"}, {{"axis", int64_t{-2}}});
       }},
      {"SoftmaxOfLast", 11,
       [](GraphMaker& m) {
         return m.Node1("Softmax", {"x"}, {{"axis", int64_t{3}}});
       }},
      {"SoftmaxOfAll", 10,
       [](GraphMaker& m) {
         return m.Node1("Softmax", {"x"}, {{"axis", int64_t{0}}});
       }},
      {"LogSoftmax", 12,
       [](GraphMaker& m) {
         return m.Node1("LogSoftmax", {"x"}, {{"axis", int64_t{2}}});
       }},
      {"Hardmax", 10, [](GraphMaker& m) { return m.Node1("Hardmax", {"x"}); }},
      {"ClipBothSides", 9,
       [](GraphMaker& m) {
         return m.Node1("Clip", {"x"}, {{"min", -0.5f}, {"max", 0.75f}});
       }},
      {"ClipAbove", 10,
       [](GraphMaker& m) {
         return m.Node1("Clip", {"x"}, {{"max", 0.75f}});
       }},
      {"Pad", 10,
       [](GraphMaker& m) {
         return m.Node1("Pad", {"x"},
                        {{"pads", Integers{0, 0, 1, 2, 0, 0, 0, 1}}, {"value", 0.25f}});
       }},
      {"PadReflected", 9,
       [](GraphMaker& m) {
         return m.Node1(
             "Pad", {"x"},
             {{"pads", Integers{0, 0, 1, 2, 0, 0, 0, 1}}, {"mode", std::string("reflect")}});
       }},
      {"Slice", 9,
       [](GraphMaker& m) {
         return m.Node1(
             "Slice", {"x"},
             {{"starts", Integers{1, -3}}, {"ends", Integers{9, -1}}, {"axes", Integers{2, 3}}});
       }},
      {"ReduceSum", 11,
       [](GraphMaker& m) {
         return m.Node1("ReduceSum", {"x"}, {{"axes", Integers{1, 3}}, {"keepdims", int64_t{0}}});
       }},
      {"ReduceSumOfAll", 9, [](GraphMaker& m) { return m.Node1("ReduceSum", {"x"}); }},
      {"Split", 11,
       [](GraphMaker& m) {
         return m.Nodes("Split", {"x"}, {{"axis", int64_t{3}}, {"split", Integers{1, 5}}}, 2)[1];
       }},
      {"SqueezeAndUnsqueeze", 11,
       [](GraphMaker& m) {
         const std::string more = m.Node1("Unsqueeze", {"x"}, {{"axes", Integers{1, 4}}});
         return m.Node1("Squeeze", {more}, {{"axes", Integers{4}}});
       }},
      {"SqueezeOfAll", 11,
       [](GraphMaker& m) {
         const std::string one = m.Node1("ReduceMean", {"x"}, {{"axes", Integers{2}}});
         return m.Node1("Squeeze", {one});
       }},
      {"NearestLarger", 10,
       [](GraphMaker& m) {
         return Resize(m, "nearest", {1, 1, 1.7f, 2});
       }},
      {"NearestSmaller", 10,
       [](GraphMaker& m) {
         return Resize(m, "nearest", {1, 1, 0.6f, 0.7f});
       }},
      {"NearestBothWays", 10,
       [](GraphMaker& m) {
         return Resize(m, "nearest", {1, 1, 0.6f, 1.7f});
       }},
      {"NearestNoWay", 10,
       [](GraphMaker& m) {
         return Resize(m, "nearest", {1, 1, 1, 1});
       }},
      {"Linear", 10,
       [](GraphMaker& m) {
         return Resize(m, "linear", {1, 1, 1.7f, 0.6f});
       }},
      {"HardSwish", 10,
       [](GraphMaker& m) {
         const std::string shifted = m.Node1("Add", {"x", m.Number(3)});
         const std::string gate = m.Node1("Clip", {shifted}, {{"min", 0.0f}, {"max", 6.0f}});
         const std::string product = m.Node1("Mul", {"x", gate});
         const std::string swish = m.Node1("Div", {product, m.Number(6)});
         return m.Node1("Hardmax", {swish});
       }},
      {"Scatter", 10,
       [](GraphMaker& m) {
         const std::string rows = m.Node1("Reshape", {"x", m.Ints({-1, 12})});
         const std::string place = m.Constant(Tensor::Of<int64_t>(Shape{1, 12}, Integers(12, 2)));
         return m.Node1("Scatter", {rows, place, m.Weights(Shape{1, 12}, 1)});
       }},
  };
  return *kForms;
}

class RaiseOpsetTest : public ::testing::TestWithParam<OldForm> {
 protected:
  // A layer before it, so that it is a network.
  Graph Make(int64_t batch) const {
    GraphMaker maker(Shape{batch, kSample.dim(0), kSample.dim(1), kSample.dim(2)}, 5);
    const std::string output = GetParam().make(maker);
    Graph graph = maker.Finish(output);
    graph.opset = GetParam().opset;
    return graph;
  }
};

TEST_P(RaiseOpsetTest, ComputesTheSame) {
  for (const int64_t batch : {kBatch, int64_t{1}, Shape::kDynamic}) {
    const Graph graph = Make(batch);
    const std::vector<float> expected = Output(graph);
    ASSERT_FALSE(expected.empty());
    const auto exported = ExportQuantizedOnnx(graph, {});
    ASSERT_TRUE(exported.ok()) << exported.status();
    EXPECT_GE(exported->opset, 13);
    EXPECT_LE(exported->opset, 14);
    const auto read = ImportOnnx(exported->bytes, {});
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->fixed_batch(), graph.fixed_batch());
    EXPECT_THAT(Output(*read), testing::Pointwise(testing::FloatNear(1e-6f), expected));
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, RaiseOpsetTest, ::testing::ValuesIn(Forms()),
                         [](const auto& info) { return info.param.name; });

TEST(RaiseOpset, LeavesNewerGraphsAlone) {
  GraphMaker maker(Shape{1, 2, 4, 6}, 5);
  Graph graph = maker.Finish(maker.Node1("Softmax", {"x"}, {{"axis", int64_t{1}}}));
  graph.opset = 17;
  const auto raised = RaiseOpset(graph, 13);
  ASSERT_TRUE(raised.ok()) << raised.status();
  EXPECT_EQ(raised->opset, 17);
  EXPECT_EQ(raised->nodes.size(), 1u);
  EXPECT_EQ(*raised->nodes[0].Int("axis", 0), 1);
}

TEST(RaiseOpset, NamesWhatItCannotWrite) {
  GraphMaker maker(Shape{1, 2, 4, 6}, 5);
  Graph graph = maker.Finish(maker.Node1("BatchNormalization", {"x"}));
  graph.opset = 12;
  const absl::Status status = RaiseOpset(graph, 14).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("node 'BatchNormalization0' (BatchNormalization)"));
}

}  // namespace
}  // namespace halftone
