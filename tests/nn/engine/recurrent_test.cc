// LSTM, GRU and RNN against a reference that computes them number by number.
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "nn/engine/lower.h"
#include "nn/graph/passes.h"
#include "tests/nn/engine/recurrent_cases.h"
#include "tests/nn/engine/recurrent_reference.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {
namespace {

// What the reference gives, in the case's layout, by the names of results.
NamedFloats Expected(const RecurrentCase& each) {
  const RecurrentReference& network = each.network;
  RecurrentReference::Results results = network.Compute();
  if (each.layout == 1) {
    const int64_t directions = each.directions(), inner = network.hidden;
    // [T, D, N, H] to [N, T, D, H]
    results.y = SwapFirstAxes(results.y, network.steps * directions, network.batch, inner);
    results.last_h = SwapFirstAxes(results.last_h, directions, network.batch, inner);
    results.last_c = SwapFirstAxes(results.last_c, directions, network.batch, inner);
  }
  return {{"y", results.y}, {"h", results.last_h}, {"c", results.last_c}};
}

Shape ExpectedShape(const RecurrentCase& each, const std::string& result) {
  const RecurrentReference& network = each.network;
  const int64_t n = network.batch, d = each.directions(), h = network.hidden;
  if (result != "y") return each.layout == 1 ? Shape{n, d, h} : Shape{d, n, h};
  return each.layout == 1 ? Shape{n, network.steps, d, h} : Shape{network.steps, d, n, h};
}

class RecurrentTest : public testing::TestWithParam<RecurrentCase> {};

TEST_P(RecurrentTest, ComputesWhatTheReferenceDoes) {
  RecurrentCase each = GetParam();
  FillNumbers(each);
  const RecurrentGraph made = MakeRecurrentGraph(each);
  const Graph& graph = made.graph;
  const auto bound = BindBatch(graph, graph.fixed_batch().value());
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_TRUE(CheckGraph(*bound).ok()) << CheckGraph(*bound);
  const auto lowered = LowerGraph(*bound);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const Port& port : bound->outputs) {
    EXPECT_EQ(port.info.shape, ExpectedShape(each, port.name)) << port.name;
    outputs.emplace_back(port.name, lowered->values.at(port.name));
  }
  const auto run = RunProgram(lowered->builder, outputs, made.inputs);
  ASSERT_TRUE(run.ok()) << run.status();
  const NamedFloats expected = Expected(each);
  for (const auto& [name, values] : *run) {
    const std::vector<float>& right = expected.at(name);
    ASSERT_EQ(values.size(), right.size()) << name;
    for (size_t i = 0; i < right.size(); ++i) {
      EXPECT_NEAR(values[i], right[i], 2e-5) << name << " at " << i;
    }
  }
}

std::string NameOf(const testing::TestParamInfo<RecurrentCase>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Rnn, RecurrentTest, testing::ValuesIn(RnnCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Gru, RecurrentTest, testing::ValuesIn(GruCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Lstm, RecurrentTest, testing::ValuesIn(LstmCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Activations, RecurrentTest, testing::ValuesIn(ActivationCases()), NameOf);

}  // namespace
}  // namespace halftone
