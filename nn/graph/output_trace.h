#ifndef HALFTONE_NN_GRAPH_OUTPUT_TRACE_H_
#define HALFTONE_NN_GRAPH_OUTPUT_TRACE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/graph.h"

namespace halftone {

// A value, seen through the nodes after it that only move, pick or pass on its elements.
struct OutputTrace {
  const Node* producer = nullptr;  // of what those nodes begin with; null: an input or a constant
  std::string source;              // what the producer writes, and the first of `moves` reads
  std::vector<const Node*> moves;  // from there to the value

  // Whether they keep all elements, and those of a sample together, samples first.
  bool KeepsSamples(const Graph& graph) const;
  // Whether they do nothing but exchange axes.
  bool OnlyTransposes() const;
};

// What `value` of a bound graph is made of. Borrows the graph.
OutputTrace TraceOutput(const Graph& graph, const GraphIndex& index, absl::string_view value);

// What makes probabilities of logits.
struct SoftmaxEnd {
  std::string logits;
  std::string op;  // as it is called
  // The axes [begin, end) that it normalizes over together; both 0: none.
  int begin = 0, end = 0;
};
// A Softmax or LogSoftmax (up to opset 12 over all axes from its own on), or what is written out as
// exp(x) / sum(exp(x)) over one axis; nothing for other nodes. Errors are of attributes.
absl::StatusOr<std::optional<SoftmaxEnd>> FindSoftmaxEnd(const Graph& graph,
                                                         const GraphIndex& index,
                                                         const Node& producer);

// Whether the producer of `value` makes rows of length 1 of it: LpNormalization, or a Div by a
// ReduceL2 of the same numbers.
bool IsNormalizedRow(const Graph& graph, const GraphIndex& index, const Node& producer);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_OUTPUT_TRACE_H_
