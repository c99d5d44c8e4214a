#ifndef HALFTONE_SEARCH_STRATEGIES_NSGA2_H_
#define HALFTONE_SEARCH_STRATEGIES_NSGA2_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "base/random.h"
#include "search/strategies/strategy.h"

namespace halftone {

// NSGA-II (Deb, Pratap, Agarwal, Meyarivan, IEEE TEC 6(2), 2002) over selections: binary
// tournaments by front and crowding distance, uniform crossover, mutation of single variables, and
// survival of the best of parents and children together, so that the first front never gets worse.
// Children may be parents as soon as they are told of; the population is cut back each time that it
// has doubled. Deterministic by its seed and what it is told.
class Nsga2 final : public Strategy {
 public:
  struct Options {
    size_t population = 24;
    double crossover = 0.9;  // share of children with two parents
    uint64_t seed = 0;
    // How much a selection exceeds the limits, where that is known without a try: children that do
    // not exceed them are preferred. Null: not known.
    std::function<double(const Selection&)> violation;
  };

  // `choices`: how many each variable has, each at least 1; there must be variables. `seeds` are
  // asked for first, in their order.
  Nsga2(std::vector<int> choices, std::vector<Selection> seeds, Options options);

  std::vector<Selection> Ask(size_t count) override;
  void Tell(const Selection& selection, const Merit& merit) override;

 private:
  void RankPopulation();
  void CutBack();
  const Selection& Tournament();
  Selection MakeChild(double mutation_rate);
  Selection RandomSelection();
  void Mutate(double rate, Selection& selection);
  // A selection that is not known yet.
  std::optional<Selection> NewSelection();
  std::optional<Selection> FirstUnknown() const;
  int Below(int bound);

  const std::vector<int> choices_;
  const Options options_;
  SplitMix64 random_;
  std::vector<Selection> seeds_;
  size_t next_seed_ = 0;
  size_t told_ = 0;
  std::set<Selection> known_;  // asked for or told
  // Of those told that are alive, in the order of telling.
  std::vector<Selection> selections_;
  std::vector<Merit> merits_;
  bool ranked_ = false;
  std::vector<size_t> ranks_;      // front of each
  std::vector<double> distances_;  // crowding, within its front
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_STRATEGIES_NSGA2_H_
