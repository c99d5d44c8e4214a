#ifndef HALFTONE_NN_GRAPH_RECURRENT_RECURRENT_SPEC_H_
#define HALFTONE_NN_GRAPH_RECURRENT_RECURRENT_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nn/graph/operators/operator.h"
#include "nn/graph/recurrent/cell_activation.h"

namespace halftone {

// What an LSTM, GRU or RNN asks for, checked. Tensors are float32 and share the node's constants.
struct RecurrentSpec {
  enum class Kind : uint8_t { kRnn, kGru, kLstm };
  // The positions of the inputs.
  enum Input : size_t {
    kSrc,
    kWeights,
    kRecurrence,
    kBias,
    kLengths,
    kInitialH,
    kInitialC,
    kPeepholes
  };

  struct Direction {
    std::string name;  // "forward" or "reverse"; "" where there is only one
    bool is_reverse = false;
    std::vector<CellActivation> activations;  // f, g and h, as far as the kind has them
  };

  Kind kind = Kind::kRnn;
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
  int64_t gates = 1;      // that a cell has: 1, 3 or 4
  int64_t time_axis = 0;  // of the src and of Y; of states, the axis of directions: 0 or 1
  std::vector<Direction> directions;
  std::vector<int64_t> lengths;       // of each sample; none where all have all steps
  int64_t longest = 0, shortest = 0;  // of these: 1 and 0 or more, up to `steps`
  // Of sums that go into activations, to [-clip, clip]; an LSTM's c is none, as in ONNX Runtime.
  std::optional<float> clip;
  bool linear_before_reset = false, input_forget = false;

  Tensor weights;                   // [directions, gates * hidden, inputs]
  Tensor recurrence;                // [directions, gates * hidden, hidden]
  std::optional<Tensor> bias;       // [directions, 2 * gates * hidden]: of the input, of the state
  std::optional<Tensor> peepholes;  // [directions, 3 * hidden]: of input, output, forget gate

  // [directions, batch, hidden], or [batch, directions, hidden] where the time axis is 1.
  Shape StateShape() const;
};

// Whether a node is an LSTM, GRU or RNN.
bool IsRecurrent(const Node& node);

// Reads a recurrent node. INVALID_ARGUMENT for shapes or attributes that do not fit; UNIMPLEMENTED
// where weights, biases, peepholes or lengths are not constant, and where there is no step.
absl::StatusOr<RecurrentSpec> ReadRecurrent(const NodeContext& context);

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_RECURRENT_SPEC_H_
