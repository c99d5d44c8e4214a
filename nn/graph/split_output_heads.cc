#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "base/status_macros.h"
#include "nn/graph/passes.h"
#include "nn/graph/simplify.h"

namespace halftone {
namespace {

// Whether a (Log)Softmax normalizes over the last axis alone. Up to opset 12 it flattens all axes
// from `axis` on.
absl::StatusOr<bool> NormalizesLastAxis(const Graph& graph, const Node& node) {
  const auto info = graph.values.find(node.Input(0));
  if (info == graph.values.end() || info->second.shape.rank() == 0) return false;
  const Shape& shape = info->second.shape;
  HT_ASSIGN_OR_RETURN(int64_t asked, node.Int("axis", graph.opset < 13 ? 1 : -1));
  if (graph.opset < 13 && asked == shape.rank()) return false;
  HT_ASSIGN_OR_RETURN(int axis, NormalizeAxis(asked, shape.rank()));
  if (graph.opset >= 13) return axis == shape.rank() - 1;
  for (; axis < shape.rank() - 1; ++axis) {
    if (shape.dim(axis) != 1) return false;
  }
  return true;
}

bool IsSquashed(const Node* producer) {
  return producer != nullptr &&
         (producer->op == "Sigmoid" || producer->op == "HardSigmoid" || producer->op == "Tanh");
}

const Node* ProducerOf(const Graph& graph, const GraphIndex& index, const std::string& value) {
  const int producer = index.Producer(value);
  return producer < 0 ? nullptr : &graph.nodes[static_cast<size_t>(producer)];
}

// The head of one output, not looking at other outputs.
absl::StatusOr<OutputHead> HeadOf(const Graph& graph, const GraphIndex& index, const Port& port) {
  OutputHead head{port.name};
  const Node* producer = ProducerOf(graph, index, port.name);
  if (producer != nullptr && (producer->op == "Softmax" || producer->op == "LogSoftmax")) {
    HT_ASSIGN_OR_RETURN(head.softmax_removed, NormalizesLastAxis(graph, *producer));
    if (head.softmax_removed) {
      head.value = producer->inputs[0];
      head.kind = OutputHead::Kind::kLogits;
    }
    return head;
  }
  const Shape& shape = port.info.shape;
  if (shape.rank() == 2 && shape.dim(1) > 1 && !IsSquashed(producer)) {
    head.kind = OutputHead::Kind::kLogits;
  }
  return head;
}

}  // namespace

absl::StatusOr<HeadedGraph> SplitOutputHeads(Graph graph) {
  HeadedGraph result;
  const GraphIndex index(graph);
  std::vector<Port> outputs;
  absl::flat_hash_set<std::string> read;
  for (const Port& port : graph.outputs) {
    HT_ASSIGN_OR_RETURN(OutputHead head, HeadOf(graph, index, port));
    // A network that gives both logits and probabilities has one answer, not two.
    if (!read.insert(head.value).second) continue;
    outputs.push_back({head.value, graph.values.at(head.value)});
    result.heads.push_back(std::move(head));
  }
  graph.outputs = std::move(outputs);
  RemoveUnused(graph);
  result.graph = std::move(graph);
  return result;
}

}  // namespace halftone
