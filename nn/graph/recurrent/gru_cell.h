#ifndef HALFTONE_NN_GRAPH_RECURRENT_GRU_CELL_H_
#define HALFTONE_NN_GRAPH_RECURRENT_GRU_CELL_H_

#include <string>

#include "nn/graph/recurrent/recurrent_cell.h"

namespace halftone {

// Cho et al., 2014: (z, r) = f(x_zr + h R_zr), n = g(x_n + (r h) R_n), or, where the product comes
// before the reset, n = g(x_n + r (h R_n + b_n)); h' = n + z (h - n).
class GruCell final : public RecurrentCell {
 public:
  GruCell(const RecurrentSpec& spec, size_t direction, const SharedConstants& constants,
          NodeWriter& writer);
  CellState Step(const std::string& x, const CellState& before) override;

 private:
  struct Sums {
    std::string gates;      // what goes into f: of z and r
    std::string recurrent;  // h R_n + b_n where the product comes before the reset; "" for zero
  };
  Sums SumsBeforeReset(const std::string& x_gates, const CellState& before);
  // What the state has a part in of the candidate; "" for nothing.
  std::string RecurrentCandidate(const std::string& reset, const Sums& sums,
                                 const CellState& before);

  Recurrence all_, gates_, candidate_;  // all_ where the product comes before the reset
  std::string candidate_bias_;          // b_n; "" for none
};

}  // namespace halftone

#endif  // HALFTONE_NN_GRAPH_RECURRENT_GRU_CELL_H_
