#ifndef HALFTONE_NN_GRAPH_RECURRENT_UNROLL_RECURRENT_H_
#define HALFTONE_NN_GRAPH_RECURRENT_UNROLL_RECURRENT_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "nn/graph/graph.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/recurrent/node_writer.h"
#include "nn/graph/recurrent/recurrent_spec.h"
#include "nn/graph/unique_names.h"

namespace halftone {

// Rewrites the LSTM, GRU and RNN nodes of a graph to plain nodes of its opset: what all steps have
// of the input is one MatMul, "<node>/input", or "<node>/forward/input" and "<node>/reverse/input"
// where there are both directions. Of each step t one MatMul, "<node>/step<t>/recurrent", reads the
// state, and all of these read one weight initializer. A GRU that resets before the product has two
// of them, "recurrent" and "recurrent_candidate". The steps of a state that is zero have none.
// Names depend on nothing but the graph's own. Not thread-safe.
class RecurrentUnroller {
 public:
  // Steps, of all directions and nodes, that are unrolled. Each is 40 nodes at most.
  static constexpr int64_t kMaxSteps = 4096;

  // What stands for a node, and writes its results; the names are those of the graph. Errors are
  // those of ReadRecurrent, and UNIMPLEMENTED where the graph has more than kMaxSteps.
  absl::StatusOr<Parts> Unroll(const NodeContext& context, UniqueNames& names);

 private:
  int64_t steps_ = 0;                          // so far
  std::map<std::string, std::string> shared_;  // constants by the input that they are made from
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_UNROLL_RECURRENT_H_
