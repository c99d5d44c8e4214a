#ifndef HALFTONE_SEARCH_REFINE_CORRECTION_TABLE_H_
#define HALFTONE_SEARCH_REFINE_CORRECTION_TABLE_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "search/refine/choice_space.h"
#include "search/refine/correction.h"
#include "search/solver/compact.h"

namespace halftone {

// Corrections by the variables and columns of a choice space. A plain value that borrows the space.
class CorrectionTable {
 public:
  // What two variables' choices add when both are chosen.
  struct Pair {
    size_t a = 0, b = 0;         // variables, a < b
    std::vector<double> added;   // [choices of a][choices of b]
    std::vector<char> is_known;  // likewise; what is not known adds nothing
  };

  CorrectionTable(const ChoiceSpace& space, absl::Span<const Correction> corrections);

  bool empty() const { return pairs_.empty() && !has_single_; }
  const std::vector<Pair>& pairs() const { return pairs_; }
  // The number of the pair of two variables; negative: none.
  int PairOf(size_t v, size_t w) const {
    return pairs_.empty() ? -1 : index_[v * space_->variables() + w];
  }
  // What a column alone does more than the model says.
  double Alone(size_t column) const { return alone_[column]; }
  // What columns of the pair's variables add, in either order.
  double At(const Pair& pair, size_t a, size_t b) const;
  // Whether a measurement speaks of two columns.
  bool IsKnown(const Pair& pair, const Selection& selection) const {
    return pair.is_known[Place(pair, selection[pair.a], selection[pair.b])] != 0;
  }
  double Of(const Pair& pair, const Selection& selection) const {
    return pair.added[Place(pair, selection[pair.a], selection[pair.b])];
  }
  // Of all pairs of the selection; a choice < 0: that variable is float.
  double SumOfPairs(const Selection& selection) const;

 private:
  size_t Place(const Pair& pair, ChoiceIndex a, ChoiceIndex b) const {
    const size_t width = space_->End(pair.b) - space_->Begin(pair.b);
    return static_cast<size_t>(a) * width + static_cast<size_t>(b);
  }
  void AddPair(const Correction& correction, absl::Span<const Correction> corrections);

  const ChoiceSpace* space_;
  std::vector<Pair> pairs_;
  std::vector<int> index_;  // [variable][variable]
  std::vector<double> alone_;
  bool has_single_ = false;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_CORRECTION_TABLE_H_
