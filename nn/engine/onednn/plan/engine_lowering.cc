#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "nn/engine/executor.h"
#include "nn/engine/lower.h"
#include "nn/engine/onednn/plan/lowering.h"

namespace halftone::plan {
namespace {

// A graph of that one node: its activations are inputs.
absl::StatusOr<Graph> GraphOf(const Graph& graph, const PlanOp& op,
                              const LayerQuantizers* quantizers) {
  Graph single;
  single.name = op.node->name;
  single.opset = graph.opset;
  single.nodes = {*op.node};
  absl::flat_hash_set<std::string> seen;
  for (const std::string& source : op.sources) {
    if (seen.insert(source).second) single.inputs.push_back({source, graph.values.at(source)});
  }
  for (const std::string& input : op.node->inputs) {
    const auto it = graph.initializers.find(input);
    if (it != graph.initializers.end()) single.initializers.insert(*it);
    if (!input.empty()) single.values[input] = graph.values.at(input);
  }
  if (op.layer != nullptr && quantizers != nullptr && quantizers->weights != nullptr) {
    const auto weights = single.initializers.find(op.layer->weights);
    if (weights != single.initializers.end()) {
      HT_ASSIGN_OR_RETURN(weights->second, quantizers->weights->FakeQuantize(weights->second));
    }
  }
  for (const std::string& output : op.node->outputs) {
    if (output.empty()) continue;
    single.outputs.push_back({output, graph.values.at(output)});
    single.values[output] = graph.values.at(output);
  }
  return single;
}

absl::StatusOr<std::shared_ptr<const Executable>> CompileGraph(const Graph& graph) {
  HT_ASSIGN_OR_RETURN(const LoweredGraph lowered, LowerGraph(graph));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (const Port& output : graph.outputs) {
    const auto it = lowered.values.find(output.name);
    if (it == lowered.values.end()) {
      return absl::UnimplementedError(absl::StrCat("no value '", output.name, "'"));
    }
    outputs.emplace_back(output.name, it->second);
  }
  return Executable::Compile(lowered.builder.Build(outputs));
}

// Copies between the plan's buffers and the session's, and runs it.
absl::Status RunNode(Session& session, const Graph& graph, absl::Span<std::byte* const> buffers) {
  size_t next = 0;
  for (const Port& input : graph.inputs) {
    const auto* const values = reinterpret_cast<const float*>(buffers[next++]);
    HT_RETURN_IF_ERROR(session.SetInput(
        input.name, absl::MakeConstSpan(values, static_cast<size_t>(input.info.shape.Elements()))));
  }
  HT_RETURN_IF_ERROR(session.Run());
  for (const Port& output : graph.outputs) {
    HT_ASSIGN_OR_RETURN(const absl::Span<const float> values, session.Output(output.name));
    std::copy(values.begin(), values.end(), reinterpret_cast<float*>(buffers[next++]));
  }
  return absl::OkStatus();
}

// Of a mode or an equation; no more of it is in a key.
constexpr size_t kLongestText = 64;

std::string EngineKey(const PlanBuilder& builder, const Node& node) {
  std::string key = absl::StrCat("engine ", node.op);
  for (const auto& [name, attribute] : node.attributes) {
    if (const auto* integer = std::get_if<int64_t>(&attribute)) {
      absl::StrAppend(&key, " ", name, "=", *integer);
    } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&attribute)) {
      absl::StrAppend(&key, " ", name, "=", absl::StrJoin(*integers, ","));
    } else if (const auto* text = std::get_if<std::string>(&attribute)) {
      absl::StrAppend(&key, " ", name, "=", text->substr(0, kLongestText));
    }
  }
  for (const std::string& input : node.inputs) {
    if (!input.empty()) absl::StrAppend(&key, " ", builder.shape(input).ToString());
  }
  for (const std::string& output : node.outputs) {
    if (!output.empty()) absl::StrAppend(&key, " -> ", builder.shape(output).ToString());
  }
  return key;
}

}  // namespace

absl::Status LowerThroughEngine(PlanBuilder& builder, const PlanOp& op,
                                const LayerQuantizers* quantizers) {
  const Node& node = *op.node;
  HT_ASSIGN_OR_RETURN(Graph single, GraphOf(builder.graph(), op, quantizers));
  const auto graph = std::make_shared<const Graph>(std::move(single));
  absl::StatusOr<std::shared_ptr<const Executable>> executable = CompileGraph(*graph);
  if (!executable.ok()) {
    return Annotate(executable.status(), absl::StrCat("node '", node.name, "' (", node.op, ")"));
  }
  std::vector<Instance> instances;
  for (const Port& input : graph->inputs) {
    HT_ASSIGN_OR_RETURN(const Instance src,
                        builder.Need(input.name, Form::Float32(), Arrangement::kPlain, node.name));
    instances.push_back(src);
  }
  for (const Port& output : graph->outputs) {
    instances.push_back(
        builder.Define(output.name, Form::Float32(), Arrangement::kPlain, node.name));
  }
  PlanStep info;
  info.kind = op.layer != nullptr ? PlanStep::Kind::kLayer : PlanStep::Kind::kOther;
  info.name = node.name;
  info.implementation = absl::StrCat("engine:", node.op);
  info.key = EngineKey(builder, node);
  builder.AddHostStep(
      std::move(info),
      [graph, executable = *executable]() -> absl::StatusOr<HostRun> {
        HT_ASSIGN_OR_RETURN(std::shared_ptr<Session> session, Session::Create(executable));
        return HostRun([graph, session](absl::Span<std::byte* const> buffers) {
          return RunNode(*session, *graph, buffers);
        });
      },
      instances);
  return absl::OkStatus();
}

}  // namespace halftone::plan
