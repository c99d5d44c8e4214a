#include "nn/graph/output_trace.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "nn/graph/shape.h"

namespace halftone {
namespace {

constexpr absl::string_view kWhole[] = {"Identity", "Dropout", "Cast",    "Transpose",
                                        "Reshape",  "Flatten", "Squeeze", "Unsqueeze"};
constexpr absl::string_view kPicks[] = {"Slice", "Split", "Gather"};
// Between a norm and the division by it: against zero, and to the shape.
constexpr absl::string_view kOfNorms[] = {"Clip", "Max", "Add", "Expand", "Identity"};

bool Moves(const Graph& graph, const Node& node) {
  if (!absl::c_linear_search(kWhole, node.op) && !absl::c_linear_search(kPicks, node.op)) {
    return false;
  }
  // Where to is computed from constants alone.
  return std::all_of(node.inputs.begin() + 1, node.inputs.end(), [&](const std::string& input) {
    return input.empty() || graph.initializers.count(input) > 0;
  });
}

bool KeepsFirstAxis(const Graph& graph, const Node& node) {
  if (absl::c_linear_search(kPicks, node.op)) return false;
  if (node.op == "Transpose") {
    const absl::StatusOr<std::vector<int64_t>> axes = node.Ints("perm", {});
    return axes.ok() && !axes->empty() && axes->front() == 0;
  }
  const auto src = graph.values.find(node.Input(0)), dst = graph.values.find(node.outputs[0]);
  if (src == graph.values.end() || dst == graph.values.end()) return false;
  const Shape &before = src->second.shape, &after = dst->second.shape;
  return before.rank() > 0 && after.rank() > 0 && before.dim(0) == after.dim(0);
}

const Node* ProducerOf(const Graph& graph, const GraphIndex& index, absl::string_view value) {
  const int producer = index.Producer(value);
  return producer < 0 ? nullptr : &graph.nodes[static_cast<size_t>(producer)];
}

}  // namespace

bool OutputTrace::KeepsSamples(const Graph& graph) const {
  return absl::c_all_of(moves, [&](const Node* node) { return KeepsFirstAxis(graph, *node); });
}

bool OutputTrace::OnlyTransposes() const {
  return absl::c_all_of(moves, [](const Node* node) {
    return node->op == "Transpose" || node->op == "Cast" || node->op == "Identity";
  });
}

OutputTrace TraceOutput(const Graph& graph, const GraphIndex& index, absl::string_view value) {
  OutputTrace trace;
  trace.source = std::string(value);
  while (true) {
    trace.producer = ProducerOf(graph, index, trace.source);
    if (trace.producer == nullptr || !Moves(graph, *trace.producer)) break;
    trace.moves.push_back(trace.producer);
    trace.source = trace.producer->inputs[0];
  }
  std::reverse(trace.moves.begin(), trace.moves.end());
  return trace;
}

namespace {

// The one axis that a ReduceSum sums over, or -1.
int SummedAxis(const Graph& graph, const Node& sum, int rank) {
  std::vector<int64_t> axes = sum.Ints("axes", {}).value_or(std::vector<int64_t>());
  const auto given = graph.initializers.find(std::string(sum.Input(1)));
  if (axes.empty() && given != graph.initializers.end()) {
    axes = given->second.ToInts().value_or(std::vector<int64_t>());
  }
  if (axes.size() != 1) return -1;
  return NormalizeAxis(axes[0], rank).value_or(-1);
}

// exp(x) / sum(exp(x)).
std::optional<SoftmaxEnd> FindWrittenOut(const Graph& graph, const GraphIndex& index,
                                         const Node& division) {
  const Node* exponential = ProducerOf(graph, index, division.Input(0));
  if (exponential == nullptr || exponential->op != "Exp") return std::nullopt;
  const Node* sum = ProducerOf(graph, index, division.Input(1));
  while (sum != nullptr && (sum->op == "Expand" || Moves(graph, *sum))) {
    sum = ProducerOf(graph, index, sum->Input(0));
  }
  if (sum == nullptr || sum->op != "ReduceSum" || sum->Input(0) != division.Input(0)) {
    return std::nullopt;
  }
  const auto info = graph.values.find(division.Input(0));
  if (info == graph.values.end()) return std::nullopt;
  const int axis = SummedAxis(graph, *sum, info->second.shape.rank());
  if (axis < 0) return std::nullopt;
  return SoftmaxEnd{exponential->inputs[0], "Softmax", axis, axis + 1};
}

}  // namespace

absl::StatusOr<std::optional<SoftmaxEnd>> FindSoftmaxEnd(const Graph& graph,
                                                         const GraphIndex& index,
                                                         const Node& producer) {
  if (producer.op == "Div") return FindWrittenOut(graph, index, producer);
  if (producer.op != "Softmax" && producer.op != "LogSoftmax") return std::nullopt;
  SoftmaxEnd found{producer.inputs[0], producer.op};
  const auto info = graph.values.find(found.logits);
  const int rank = info == graph.values.end() ? 0 : info->second.shape.rank();
  HT_ASSIGN_OR_RETURN(const int64_t asked, producer.Int("axis", graph.opset < 13 ? 1 : -1));
  if (graph.opset < 13 && asked == rank) return found;
  HT_ASSIGN_OR_RETURN(found.begin, NormalizeAxis(asked, rank));
  found.end = graph.opset < 13 ? rank : found.begin + 1;
  return found;
}

bool IsNormalizedRow(const Graph& graph, const GraphIndex& index, const Node& producer) {
  if (producer.op == "LpNormalization") return true;
  if (producer.op != "Div") return false;
  const Node* norm = ProducerOf(graph, index, producer.Input(1));
  while (norm != nullptr && absl::c_linear_search(kOfNorms, norm->op)) {
    norm = ProducerOf(graph, index, norm->Input(0));
  }
  return norm != nullptr && norm->op == "ReduceL2" && norm->Input(0) == producer.Input(0);
}

}  // namespace halftone
