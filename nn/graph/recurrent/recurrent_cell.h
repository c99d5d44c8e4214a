#ifndef HALFTONE_NN_GRAPH_RECURRENT_RECURRENT_CELL_H_
#define HALFTONE_NN_GRAPH_RECURRENT_RECURRENT_CELL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "nn/graph/recurrent/node_writer.h"
#include "nn/graph/recurrent/recurrent_spec.h"

namespace halftone {

// Values of a cell between two steps, each [1, batch, hidden] or [batch, 1, hidden], or with a
// batch of 1 that stands for all; "" where all is zero.
struct CellState {
  std::string h, c;                  // c: of an LSTM
  std::optional<Tensor> constant_h;  // [1, 1, hidden], where h is a constant that stands for all
};

// Gives the name of a constant of the graph, made from the node's input `source`: nodes that read
// the same input share it. `part`: what of the input it is; `make` is asked where it is new.
using SharedConstants = std::function<std::string(
    RecurrentSpec::Input source, const std::string& part, const std::function<Tensor()>& make)>;

// One direction of a recurrent node.
class RecurrentCell {
 public:
  // Borrows the spec and the writer, which must outlive it.
  static std::unique_ptr<RecurrentCell> Create(const RecurrentSpec& spec, size_t direction,
                                               const SharedConstants& constants,
                                               NodeWriter& writer);
  RecurrentCell(const RecurrentCell&) = delete;
  RecurrentCell& operator=(const RecurrentCell&) = delete;
  virtual ~RecurrentCell() = default;

  // The weights of the product with the input, [inputs, gates * hidden].
  const std::string& input_weights() const { return input_weights_; }
  // What is added to that product, [gates * hidden]; "" where the node has no bias.
  const std::string& input_bias() const { return input_bias_; }

  // Appends a step in the writer's scope. `x`: that sum for the step, of rank 3.
  virtual CellState Step(const std::string& x, const CellState& before) = 0;

 protected:
  // Rows of the recurrence weights: the gates [begin, end), transposed.
  struct Recurrence {
    std::string weights;  // [hidden, (end - begin) * hidden]
    int64_t begin = 0, end = 0;
  };

  RecurrentCell(const RecurrentSpec& spec, size_t direction, SharedConstants constants,
                NodeWriter& writer);

  // Elements of a constant of this direction: `count` from `begin` on of its row of `source`.
  std::string ConstantPart(RecurrentSpec::Input source, const Tensor& tensor,
                           absl::string_view part, int64_t begin, int64_t count) const;
  Recurrence MakeRecurrence(absl::string_view part, int64_t begin, int64_t end) const;

  // The product of a state with recurrence weights, computed at once where the state is a constant
  // that stands for all samples. The state must not be zero.
  std::string Product(const CellState& state, const Recurrence& recurrence, absl::string_view role);
  // The same plus `x`; `x` itself where the state is zero.
  std::string AddProduct(const std::string& x, const CellState& state,
                         const Recurrence& recurrence);
  // The activation of number `which` of `src`.
  std::string Act(size_t which, const std::string& src, absl::string_view role);
  // The same of what the node's clip, if it has one, leaves of `src`.
  std::string ActClipped(size_t which, const std::string& src, absl::string_view role);
  std::string Mul(const std::string& a, const std::string& b, absl::string_view role);
  std::string Add(const std::string& a, const std::string& b, absl::string_view role);

  const RecurrentSpec& spec_;
  NodeWriter& writer_;

 private:
  std::string PartName(absl::string_view part) const;
  void MakeInputConstants();

  const size_t direction_;
  const SharedConstants constants_;
  std::string input_weights_, input_bias_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_RECURRENT_CELL_H_
