#ifndef HALFTONE_NN_GRAPH_RECURRENT_LSTM_CELL_H_
#define HALFTONE_NN_GRAPH_RECURRENT_LSTM_CELL_H_

#include <string>

#include "nn/graph/recurrent/recurrent_cell.h"

namespace halftone {

// Hochreiter and Schmidhuber, 1997, with forget gates and peepholes (Gers et al., 2000 and 2002):
// (i, o, f, g) = x + h R, c' = f(f + P_f c) c + f(i + P_i c) g(g), h' = f(o + P_o c') h(c').
class LstmCell final : public RecurrentCell {
 public:
  LstmCell(const RecurrentSpec& spec, size_t direction, const SharedConstants& constants,
           NodeWriter& writer);
  CellState Step(const std::string& x, const CellState& before) override;

 private:
  // What goes into the activations, or after them.
  struct Gates {
    std::string input, output, forget, candidate;
  };
  Gates ActivatedAtOnce(const std::string& sum);
  // All but the output gate, which sees the new c, activated.
  Gates ActivatedWithPeepholes(const std::string& sum, const std::string& c);
  std::string AddPeephole(const std::string& gate, const std::string& peephole,
                          const std::string& c, absl::string_view role);

  const Recurrence recurrence_;
  std::string input_peephole_, output_peephole_, forget_peephole_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_LSTM_CELL_H_
