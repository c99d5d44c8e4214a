#include "tests/nn/engine/random_graph.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/lower.h"
#include "nn/engine/onednn/inference_plan.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/export.h"
#include "nn/onnx/import.h"
#include "tests/nn/engine/reference_run.h"
#include "tests/nn/engine/run_program.h"

// What must hold of any network, on random ones: every way from a graph to numbers gives the same.
namespace halftone {
namespace {

constexpr uint64_t kGraphs = 40;
constexpr int64_t kBatch = 2;
// Of float32 sums against those in double precision, through some twenty layers.
constexpr double kTolerance = 1e-5;

template <typename T>
T Good(absl::StatusOr<T> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  return *std::move(value);
}

Graph Bound(const Graph& graph, int64_t batch = kBatch) { return Good(BindBatch(graph, batch)); }

Graph Folded(const Graph& bound) {
  return RecognizeBlocks(Good(FoldBatchNorm(Good(RecognizeActivations(bound)))));
}

// The output by the definition of the ops, in double precision.
std::vector<float> ByDefinition(const Graph& bound, const std::vector<float>& samples) {
  const LoweredGraph lowered = Good(LowerGraph(bound));
  const std::string& output = bound.outputs[0].name;
  const auto results = ReferenceRun(lowered.builder.Build({{output, lowered.values.at(output)}}),
                                    {{bound.inputs[0].name, samples}});
  const std::vector<double>& values = results.at(output).values;
  return {values.begin(), values.end()};
}

std::vector<float> ByTheEngine(const Graph& bound, const std::vector<float>& samples) {
  const LoweredGraph lowered = Good(LowerGraph(bound));
  const std::string& output = bound.outputs[0].name;
  return Good(RunProgram(lowered.builder, {{output, lowered.values.at(output)}},
                         {{bound.inputs[0].name, samples}}))
      .at(output);
}

std::vector<float> ByAPlan(const Graph& bound, const std::vector<float>& samples) {
  const LayerSet layers = Good(FindLayers(bound));
  const auto session =
      Good(InferenceSession::Create(Good(InferencePlan::Create(bound, layers, {}))));
  EXPECT_TRUE(session->SetInput(bound.inputs[0].name, samples).ok());
  EXPECT_TRUE(session->Run().ok());
  const absl::Span<const float> output = Good(session->Output(bound.outputs[0].name));
  return {output.begin(), output.end()};
}

class RandomGraphTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  const Graph graph_ = MakeRandomGraph(GetParam());
  const std::vector<float> samples_ = RandomSamples(kBatch, GetParam());
  // What all others are held against: no pass but binding, and no engine.
  const std::vector<float> expected_ = ByDefinition(Bound(graph_), samples_);
};

TEST_P(RandomGraphTest, SaysSomething) {
  ASSERT_EQ(expected_.size(), 5u * kBatch);
  for (const float value : expected_) EXPECT_TRUE(std::isfinite(value)) << value;
  const std::vector<float> first(expected_.begin(), expected_.begin() + 5);
  const std::vector<float> second(expected_.begin() + 5, expected_.end());
  EXPECT_GT(RelativeError(first, second), 10 * kTolerance) << "it depends on its samples";
}

TEST_P(RandomGraphTest, PassesKeepWhatItComputes) {
  EXPECT_LT(RelativeError(ByDefinition(Folded(Bound(graph_)), samples_), expected_), kTolerance);
}

TEST_P(RandomGraphTest, TheEngineAgreesWithTheDefinitionOfItsOps) {
  EXPECT_LT(RelativeError(ByTheEngine(Bound(graph_), samples_), expected_), kTolerance);
  EXPECT_LT(RelativeError(ByTheEngine(Folded(Bound(graph_)), samples_), expected_), kTolerance);
}

TEST_P(RandomGraphTest, SoDoesAPlanInFloat32) {
  EXPECT_LT(RelativeError(ByAPlan(Folded(Bound(graph_)), samples_), expected_), kTolerance);
}

TEST_P(RandomGraphTest, WhatIsWrittenAndReadAgainComputesTheSame) {
  const std::string bytes = Good(ExportQuantizedOnnx(graph_, {})).bytes;
  const Graph read = Good(ImportOnnx(bytes, {}));
  EXPECT_LT(RelativeError(ByTheEngine(Bound(read), samples_), expected_), kTolerance);
  // And once more: what is written is a network like any other.
  const Graph again = Good(ImportOnnx(Good(ExportQuantizedOnnx(read, {})).bytes, {}));
  EXPECT_LT(RelativeError(ByTheEngine(Bound(again), samples_), expected_), kTolerance);
}

TEST_P(RandomGraphTest, ASampleDoesNotDependOnItsNeighbours) {
  const size_t size = samples_.size() / kBatch;
  for (size_t n = 0; n < kBatch; ++n) {
    const std::vector<float> sample(samples_.begin() + static_cast<std::ptrdiff_t>(n * size),
                                    samples_.begin() + static_cast<std::ptrdiff_t>((n + 1) * size));
    const std::vector<float> part(expected_.begin() + static_cast<std::ptrdiff_t>(n * 5),
                                  expected_.begin() + static_cast<std::ptrdiff_t>((n + 1) * 5));
    EXPECT_LT(RelativeError(ByTheEngine(Bound(graph_, 1), sample), part), kTolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphTest, ::testing::Range<uint64_t>(1, kGraphs + 1));

// The graphs together have everything that the maker can make.
size_t Count(const Graph& graph, absl::string_view op) {
  return static_cast<size_t>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                           [&](const Node& node) { return node.op == op; }));
}

TEST(RandomGraphsTest, HaveAllKindsOfNodes) {
  std::set<std::string> ops;
  int normalizations = 0, hard_swishes = 0;  // graphs that the passes found one of them in
  for (uint64_t seed = 1; seed <= kGraphs; ++seed) {
    const Graph bound = Bound(MakeRandomGraph(seed));
    for (const Node& node : bound.nodes) ops.insert(node.op);
    const Graph folded = Folded(bound);
    normalizations += Count(folded, "BatchNormalization") < Count(bound, "BatchNormalization");
    hard_swishes += Count(folded, "HardSwish") > Count(bound, "HardSwish");
  }
  for (const char* const op : {"Conv",     "BatchNormalization",
                               "Relu",     "LeakyRelu",
                               "Sigmoid",  "Tanh",
                               "Elu",      "HardSwish",
                               "Softplus", "Clip",
                               "MaxPool",  "AveragePool",
                               "Add",      "Sub",
                               "Mul",      "Max",
                               "Div",      "Concat",
                               "Reshape",  "Transpose",
                               "MatMul",   "GlobalAveragePool",
                               "Flatten",  "Gemm"}) {
    EXPECT_EQ(ops.count(op), 1u) << op;
  }
  EXPECT_GT(normalizations, 0);
  EXPECT_GT(hard_swishes, 0);
}

}  // namespace
}  // namespace halftone
