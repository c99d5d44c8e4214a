#ifndef HALFTONE_SEARCH_REFINE_MODEL_SEARCH_H_
#define HALFTONE_SEARCH_REFINE_MODEL_SEARCH_H_

#include <cstddef>
#include <vector>

#include "base/cancellation.h"
#include "search/refine/choice_space.h"
#include "search/refine/loss_model.h"
#include "search/solver/compact.h"

namespace halftone {

// Finds assignments within the limits that a model predicts to be good, by changes of one variable
// and of two at a time. Borrows all of them; the model must not learn meanwhile. Thread-safe.
class ModelSearch {
 public:
  ModelSearch(const ChoiceSpace& space, const PairLosses& pairs, const LossModel& model);

  // From a feasible start, the change that helps the most, again and again: a local optimum, or
  // how far it came when it was cancelled.
  Selection Descend(Selection start, const Cancellation& cancellation) const;
  // The `count` feasible neighbours of a feasible center that are predicted best, best first.
  std::vector<Selection> Neighbours(const Selection& center, size_t count) const;

 private:
  class Walker;

  std::vector<char> WorthTrying() const;

  const ChoiceSpace& space_;
  const PairLosses& pairs_;
  const LossModel& model_;
  // Where there are too many columns to try all: those that no other of their variable replaces at
  // no more loss and cost.
  std::vector<char> worth_trying_;
  // Of two variables the pair of the compact problem, or nullptr: [variable][variable].
  std::vector<const CompactPair*> cost_pairs_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_MODEL_SEARCH_H_
