#include <random>
#include <utility>

#include "tests/nn/engine/recurrent_cases.h"
#include "tests/nn/graph/graph_builder.h"

namespace halftone {
namespace {

using Activation = RecurrentReference::Activation;

std::vector<float> Random(std::mt19937& random, int64_t count) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = uniform(random);
  return values;
}

void FillStates(std::mt19937& random, InitialStates states, const RecurrentReference& network,
                std::vector<float>& values) {
  const auto directions = static_cast<int64_t>(network.is_reverse.size());
  if (states == InitialStates::kNone) return;
  values = Random(random, directions * network.batch * network.hidden);
  if (states == InitialStates::kZeros) values.assign(values.size(), 0.0f);
  if (states != InitialStates::kAlike) return;
  const auto hidden = static_cast<size_t>(network.hidden);
  const size_t row = static_cast<size_t>(network.batch) * hidden;
  for (size_t i = 0; i < values.size(); ++i) values[i] = values[i / row * row + i % hidden];
}

bool HasAlpha(const std::string& name) {
  return name == "LeakyRelu" || name == "ThresholdedRelu" || name == "Elu" || name == "Affine" ||
         name == "ScaledTanh" || name == "HardSigmoid";
}
bool HasBeta(const std::string& name) {
  return name == "Affine" || name == "ScaledTanh" || name == "HardSigmoid";
}

GraphBuilder::Attributes AttributesOf(const RecurrentCase& each) {
  const RecurrentReference& network = each.network;
  GraphBuilder::Attributes attributes = {{"hidden_size", network.hidden},
                                         {"direction", each.direction}};
  if (network.clip > 0) attributes["clip"] = static_cast<float>(network.clip);
  if (network.linear_before_reset) attributes["linear_before_reset"] = int64_t{1};
  if (network.input_forget) attributes["input_forget"] = int64_t{1};
  if (each.layout != 0) attributes["layout"] = each.layout;
  if (!each.names_activations) return attributes;
  std::vector<std::string> names;
  std::vector<float> alphas, betas;
  for (const Activation& activation : network.activations) {
    names.push_back(activation.name);
    if (HasAlpha(activation.name)) alphas.push_back(static_cast<float>(activation.alpha));
    if (HasBeta(activation.name)) betas.push_back(static_cast<float>(activation.beta));
  }
  attributes["activations"] = names;
  if (!alphas.empty()) attributes["activation_alpha"] = alphas;
  if (!betas.empty()) attributes["activation_beta"] = betas;
  return attributes;
}

// Writes the node down, and what the inputs of its graph are to be.
class CaseGraph {
 public:
  explicit CaseGraph(const RecurrentCase& each) : case_(each), builder_(each.opset) {
    const RecurrentReference& network = each.network;
    const int64_t directions = each.directions(), rows = each.gates() * network.hidden;
    const bool swaps = each.layout == 1;
    builder_.Input("x", swaps ? Shape{network.batch, network.steps, network.inputs}
                              : Shape{network.steps, network.batch, network.inputs});
    inputs_["x"] =
        swaps ? SwapFirstAxes(network.x, network.steps, network.batch, network.inputs) : network.x;
    std::vector<std::string> inputs = {"x", "w", "r", "", "", "", "", ""};
    builder_.Floats("w", {directions, rows, network.inputs}, network.w);
    builder_.Floats("r", {directions, rows, network.hidden}, network.r);
    if (each.has_bias) builder_.Floats(inputs[3] = "b", {directions, 2 * rows}, network.b);
    if (!network.lengths.empty()) {
      builder_.Constant(inputs[4] = "lengths",
                        Tensor::FromInts(DataType::kInt32, {network.batch}, network.lengths));
    }
    if (!network.initial_h.empty()) AddState(inputs[5] = "h0", network.initial_h);
    if (!network.initial_c.empty()) AddState(inputs[6] = "c0", network.initial_c);
    if (each.has_peepholes) {
      builder_.Floats(inputs[7] = "p", {directions, 3 * network.hidden}, network.p);
    }
    std::vector<std::string> results = each.results;
    if (network.op != "LSTM" && results.size() > 2) results.pop_back();
    if (network.op != "LSTM") inputs.resize(6);
    Node node{"cell", network.op, "", inputs, results, AttributesOf(each)};
    graph_ = builder_.graph();
    graph_.nodes.push_back(std::move(node));
    for (const std::string& result : results) {
      if (!result.empty()) graph_.outputs.push_back({result, {}});
    }
  }

  RecurrentGraph Take() { return {std::move(graph_), std::move(inputs_)}; }

 private:
  void AddState(const std::string& name, const std::vector<float>& values) {
    const RecurrentReference& network = case_.network;
    const int64_t directions = case_.directions();
    const bool swaps = case_.layout == 1;
    const Shape shape = swaps ? Shape{network.batch, directions, network.hidden}
                              : Shape{directions, network.batch, network.hidden};
    const std::vector<float> ordered =
        swaps ? SwapFirstAxes(values, directions, network.batch, network.hidden) : values;
    if (case_.states == InitialStates::kComputed) {
      builder_.Input(name, shape);
      inputs_[name] = ordered;
    } else {
      builder_.Floats(name, shape, ordered);
    }
  }

  const RecurrentCase& case_;
  GraphBuilder builder_;
  Graph graph_;
  NamedFloats inputs_;
};

}  // namespace

void FillNumbers(RecurrentCase& each) {
  RecurrentReference& network = each.network;
  std::mt19937 random(7);
  const int64_t directions = each.directions(), rows = each.gates() * network.hidden;
  network.x = Random(random, network.steps * network.batch * network.inputs);
  network.w = Random(random, directions * rows * network.inputs);
  network.r = Random(random, directions * rows * network.hidden);
  if (each.has_bias) network.b = Random(random, directions * 2 * rows);
  if (each.has_peepholes) network.p = Random(random, directions * 3 * network.hidden);
  FillStates(random, each.states, network, network.initial_h);
  if (network.op == "LSTM") FillStates(random, each.states, network, network.initial_c);
}

RecurrentGraph MakeRecurrentGraph(const RecurrentCase& each) { return CaseGraph(each).Take(); }

}  // namespace halftone
