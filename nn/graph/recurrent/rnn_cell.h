#ifndef HALFTONE_NN_GRAPH_RECURRENT_RNN_CELL_H_
#define HALFTONE_NN_GRAPH_RECURRENT_RNN_CELL_H_

#include <string>

#include "nn/graph/recurrent/recurrent_cell.h"

namespace halftone {

// h' = f(x + h R)
class RnnCell final : public RecurrentCell {
 public:
  RnnCell(const RecurrentSpec& spec, size_t direction, const SharedConstants& constants,
          NodeWriter& writer)
      : RecurrentCell(spec, direction, constants, writer),
        recurrence_(MakeRecurrence("transposed", 0, spec.gates)) {}

  CellState Step(const std::string& x, const CellState& before) override {
    return {ActClipped(0, AddProduct(x, before, recurrence_), "h"), "", {}};
  }

 private:
  const Recurrence recurrence_;
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_RNN_CELL_H_
