#include "tests/nn/engine/plan_network.h"

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "nn/data/npz.h"
#include "nn/engine/lower.h"
#include "nn/engine/ops.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "nn/quant/range_estimator.h"
#include "tests/nn/engine/graph_maker.h"
#include "tests/nn/engine/run_program.h"

namespace halftone {
namespace {

std::vector<std::pair<std::string, ValueId>> ValuesOf(const LoweredGraph& lowered,
                                                      const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, ValueId>> values;
  for (const std::string& name : names) values.emplace_back(name, lowered.values.at(name));
  return values;
}

using Integers = std::vector<int64_t>;

std::string BuildResidualPart(GraphMaker& maker, const std::string& x) {
  const Attribute same = Integers{1, 1, 1, 1};
  std::string a = maker.Node1("Relu", {maker.Convolution(x, 16, 3, 3, {{"pads", same}})});
  const std::string b = maker.Node1(
      "HardSwish",
      {maker.Convolution(a, 16, 16, 3,
                         {{"pads", Integers{2, 2, 2, 2}}, {"dilations", Integers{2, 2}}})});
  const std::string c = maker.Convolution(b, 16, 16, 3, {{"pads", same}});
  a = maker.Node1("Relu", {maker.Node1("Add", {c, a})});
  // Linear bottlenecks: shortcuts of both signs, read by two layers and an addition.
  const std::string d = maker.Convolution(a, 16, 16, 1);
  const std::string e = maker.Node1("LeakyRelu", {maker.Convolution(d, 32, 16, 1)});
  const std::string f = maker.Node1(
      "Clip",
      {maker.Convolution(e, 32, 1, 3, {{"pads", same}, {"group", int64_t{32}}}), "low", "high"});
  const std::string g = maker.Node1("Add", {d, maker.Convolution(f, 16, 32, 1)});
  const std::string side = maker.Convolution(d, 8, 16, 1);
  return maker.Node1("Concat", {g, side}, {{"axis", int64_t{1}}});
}

std::string BuildHead(GraphMaker& maker, const std::string& src) {
  const std::string grouped = maker.Node1(
      "Relu",
      {maker.Convolution(src, 16, 6, 3, {{"group", int64_t{4}}, {"pads", Integers{0, 1, 2, 1}}})});
  const std::string pooled = maker.Node1("MaxPool", {grouped},
                                         {{"kernel_shape", Integers{3, 3}},
                                          {"strides", Integers{2, 2}},
                                          {"pads", Integers{1, 1, 1, 1}}});
  const std::string strided =
      maker.Node1("Sigmoid", {maker.Convolution(pooled, 24, 16, 3, {{"strides", Integers{2, 2}}})});
  const std::string averaged = maker.Node1("GlobalAveragePool", {strided});
  const std::string flat = maker.Node1("Flatten", {averaged});
  const std::string hidden = maker.Node1(
      "Relu",
      {maker.Node1("Gemm",
                   {flat, maker.Weights(Shape{20, 24}, 0.6f), maker.Weights(Shape{20}, 0.2f)},
                   {{"transB", int64_t{1}}, {"alpha", 0.5f}})});
  return maker.Node1("MatMul", {hidden, maker.Weights(Shape{20, 10}, 0.6f)});
}

}  // namespace

absl::StatusOr<PlanNetwork> PlanNetwork::Create(const Graph& graph, int64_t batch,
                                                std::vector<float> input) {
  PlanNetwork network;
  HT_ASSIGN_OR_RETURN(Graph bound, BindBatch(graph, batch));
  HT_ASSIGN_OR_RETURN(network.graph, FoldBatchNorm(std::move(bound)));
  HT_ASSIGN_OR_RETURN(network.layers, FindLayers(network.graph));
  network.input = std::move(input);
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(network.graph));
  std::vector<std::string> srcs;
  for (const Layer& layer : network.layers.layers) {
    srcs.push_back(layer.src);
    if (!layer.second_src.empty()) srcs.push_back(layer.second_src);
  }
  std::sort(srcs.begin(), srcs.end());
  srcs.erase(std::unique(srcs.begin(), srcs.end()), srcs.end());
  HT_ASSIGN_OR_RETURN(const NamedFloats values,
                      RunProgram(lowered.builder, ValuesOf(lowered, srcs),
                                 {{network.graph.inputs[0].name, network.input}}));
  for (const std::string& src : srcs) {
    const auto [low, high] = std::minmax_element(values.at(src).begin(), values.at(src).end());
    network.src_ranges[src] = {std::min(*low, 0.0f), std::max(*high, 0.0f)};
  }
  return network;
}

absl::StatusOr<QuantizedAssignment> PlanNetwork::Quantize(
    const std::map<std::string, Precision>& precisions, Symmetry src_symmetry,
    Symmetry weights_symmetry) const {
  QuantizedAssignment assignment;
  for (const auto& entry : precisions) {
    const std::string& name = entry.first;
    const Precision& precision = entry.second;
    const Layer& layer = *layers.Find(name);
    LayerQuantizers quantizers;
    quantizers.precision = precision;
    const auto activations =
        [&](const std::string& value) -> absl::StatusOr<std::shared_ptr<const UniformQuantizer>> {
      if (!precision.activations.IsInteger()) return nullptr;
      HT_ASSIGN_OR_RETURN(const UniformQuantizer quantizer,
                          UniformQuantizer::Create(precision.activations.bits, src_symmetry, -1,
                                                   {src_ranges.at(value)}));
      return std::make_shared<const UniformQuantizer>(quantizer);
    };
    HT_ASSIGN_OR_RETURN(quantizers.src, activations(layer.src));
    if (layer.weights.empty()) {
      HT_ASSIGN_OR_RETURN(quantizers.weights, activations(layer.second_src));
    } else if (precision.weights.IsInteger()) {
      RangeOptions options;
      options.method = RangeMethod::kMinMax;
      HT_ASSIGN_OR_RETURN(
          const UniformQuantizer weights,
          CalibrateWeights(graph.initializers.at(layer.weights), precision.weights.bits,
                           weights_symmetry, layer.channel_axis, options));
      quantizers.weights = std::make_shared<const UniformQuantizer>(weights);
    }
    assignment[name] = quantizers;
  }
  return assignment;
}

absl::StatusOr<QuantizedAssignment> PlanNetwork::QuantizeAll(const Precision& precision) const {
  std::map<std::string, Precision> precisions;
  for (const Layer& layer : layers.layers) precisions[layer.name] = precision;
  return Quantize(precisions);
}

absl::StatusOr<std::vector<float>> PlanNetwork::RunPlan(const QuantizedAssignment& assignment,
                                                        const PlanOptions& options) const {
  HT_ASSIGN_OR_RETURN(auto plan, InferencePlan::Create(graph, layers, assignment, options));
  HT_ASSIGN_OR_RETURN(auto session, InferenceSession::Create(plan));
  HT_RETURN_IF_ERROR(session->SetInput(graph.inputs[0].name, input));
  HT_RETURN_IF_ERROR(session->Run());
  HT_ASSIGN_OR_RETURN(const absl::Span<const float> output, session->Output(graph.outputs[0].name));
  return std::vector<float>(output.begin(), output.end());
}

absl::StatusOr<std::vector<float>> PlanNetwork::RunFakeQuantized(
    const QuantizedAssignment& assignment, const ExecutedLayers& executed) const {
  LowerOptions options;
  std::map<std::pair<std::string, std::string>, const UniformQuantizer*> shortcuts;
  for (const auto& [layer, choices] : executed) {
    const auto assigned = assignment.find(layer);
    if (assigned == assignment.end()) continue;
    const auto choice = choices.find(assigned->second.precision);
    if (choice == choices.end()) continue;
    for (const RoundedOperand& shortcut : choice->second.shortcuts) {
      shortcuts[{shortcut.node, shortcut.value}] = assigned->second.src.get();
    }
  }
  options.read_input = [&](ProgramBuilder& builder, const Node& node, const std::string& name,
                           ValueId value) -> absl::StatusOr<ValueId> {
    const auto found = shortcuts.find({node.name, name});
    return found == shortcuts.end() ? value : ops::FakeQuantize(builder, value, *found->second);
  };
  options.lower_layer = [&](ProgramBuilder& builder, const Node& node, LayerSources sources,
                            ValueId bias) -> absl::StatusOr<ValueId> {
    const auto it = assignment.find(node.name);
    if (it == assignment.end()) return LowerLayer(builder, graph, node, sources, bias);
    if (it->second.src != nullptr) {
      HT_ASSIGN_OR_RETURN(sources.src, ops::FakeQuantize(builder, sources.src, *it->second.src));
    }
    if (it->second.weights != nullptr) {
      HT_ASSIGN_OR_RETURN(sources.weights,
                          ops::FakeQuantize(builder, sources.weights, *it->second.weights));
    }
    return LowerLayer(builder, graph, node, sources, bias);
  };
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph, options));
  const std::string& output = graph.outputs[0].name;
  HT_ASSIGN_OR_RETURN(NamedFloats values, RunProgram(lowered.builder, ValuesOf(lowered, {output}),
                                                     {{graph.inputs[0].name, input}}));
  return values.at(output);
}

absl::StatusOr<PlanNetwork> LoadTinyDigits(const std::string& file, int64_t batch) {
  const std::string folder = absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/tiny-digits/");
  HT_ASSIGN_OR_RETURN(const Graph graph, ImportOnnxFile(folder + file));
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(folder + "calib.npz"));
  HT_ASSIGN_OR_RETURN(const auto arrays, ReadNpz(bytes));
  HT_ASSIGN_OR_RETURN(std::vector<float> images, arrays.at("input").ToFloats());
  images.resize(static_cast<size_t>(batch) * 64);
  return PlanNetwork::Create(graph, batch, std::move(images));
}

absl::StatusOr<PlanNetwork> MakeRandomNetwork(int64_t batch, uint64_t seed) {
  GraphMaker maker(Shape{batch, 3, 12, 12}, seed);
  const std::string output = BuildHead(maker, BuildResidualPart(maker, "x"));
  Graph graph = maker.Finish(output);
  graph.initializers.emplace("low", Tensor::Scalar<float>(0.0f));
  graph.initializers.emplace("high", Tensor::Scalar<float>(1.5f));
  std::mt19937_64 random(seed + 1);
  std::normal_distribution<float> normal;
  std::vector<float> input(static_cast<size_t>(batch) * 3 * 12 * 12);
  for (float& value : input) value = normal(random);
  return PlanNetwork::Create(graph, batch, std::move(input));
}

}  // namespace halftone
