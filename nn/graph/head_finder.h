#ifndef HALFTONE_NN_GRAPH_HEAD_FINDER_H_
#define HALFTONE_NN_GRAPH_HEAD_FINDER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/graph/output_heads.h"
#include "nn/graph/output_trace.h"
#include "nn/graph/unique_names.h"

namespace halftone {

// Finds, output by output, as what it counts: see SplitOutputHeads, which puts them together.
// Borrows the bound graph and what is asked for.
class HeadFinder {
 public:
  HeadFinder(const Graph& graph, const AskedHeads& asked);

  // The heads of an output: one, or one a part. Of those that are ignored, `value` is "".
  absl::StatusOr<std::vector<OutputHead>> Find(const Port& port);

  // Whether any layer comes before that value.
  bool IsFed(const std::string& value) const { return fed_.contains(value); }

  // Nodes that values of heads need beside those of the graph, after all of which they come, and
  // what they write.
  std::vector<Node> TakeNodes() { return std::move(nodes_); }
  std::vector<std::pair<std::string, ValueInfo>> TakeValues() { return std::move(values_); }

 private:
  struct Source {
    const std::string& value;
    const AskedHead* asked;  // null: to be guessed
    bool is_part;
  };

  const AskedHead* AskedOf(const std::string& name) const;
  absl::StatusOr<std::vector<OutputHead>> FindParts(const Port& port, const OutputTrace& trace);
  absl::StatusOr<OutputHead> HeadOf(const Source& source);
  // By what is at its end; nothing where that says nothing.
  absl::StatusOr<std::optional<OutputHead>> FromSoftmax(const SoftmaxEnd& softmax,
                                                        const OutputTrace& trace);
  std::optional<OutputHead> FromSigmoid(const OutputTrace& trace);
  absl::StatusOr<std::optional<OutputHead>> FromArgMax(const OutputTrace& trace);
  absl::StatusOr<std::optional<OutputHead>> FromEnd(const Source& source, const OutputTrace& trace);
  OutputHead FromShape(const Source& source, const OutputTrace& trace) const;
  absl::Status SetAsked(const AskedHead& asked, OutputHead& head) const;
  // The name of what `moves` make of `src`.
  std::string Repeat(const std::vector<const Node*>& moves, const std::string& src);
  const Shape& ShapeOf(const std::string& value) const;

  const Graph& graph_;
  const GraphIndex index_;
  const AskedHeads& asked_;
  UniqueNames names_;
  absl::flat_hash_set<std::string> fed_;  // values before which there is a layer
  std::vector<Node> nodes_;
  std::vector<std::pair<std::string, ValueInfo>> values_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_HEAD_FINDER_H_
