#ifndef HALFTONE_SEARCH_CROSSCHECK_ASSIGNMENT_SAMPLER_H_
#define HALFTONE_SEARCH_CROSSCHECK_ASSIGNMENT_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/random.h"
#include "nn/quant/precision.h"

namespace halftone {

// Draws random assignments so that their measured damage fills a range evenly on a logarithmic
// scale. First come uniform assignments, one precision for all layers, then mixed ones: a level
// between the fewest bits and the most is drawn for the assignment, a tilt that gives weights more
// or activations less, and a deviation per layer, for weights and activations independently.
//
// No estimator has a say in it, so that none is favoured: the level comes from the damage that was
// measured before. The emptiest bin of the range is aimed at, with the level whose neighbours did
// such damage on average. What comes depends on the seed and on the measured damage
// alone. Not thread-safe.
class AssignmentSampler {
 public:
  struct Options {
    std::vector<Precision> precisions;  // at least one
    size_t layers = 1;
    double min_damage = 0.001, max_damage = 0.5;
    int wanted = 200;  // assignments in the range
    uint64_t seed = 0;
  };
  explicit AssignmentSampler(Options options);

  // The next assignment: for every layer an index into the precisions. None comes twice; nothing
  // when a new one is not found, which happens where there are few in all.
  std::optional<std::vector<int>> Next();
  // To be called after each Next() with what the assignment was measured to do. Returns whether
  // that lies in the range.
  bool Record(double damage);

 private:
  // Where a precision lies between the shortest format (0) and the longest (1).
  struct Place {
    double weights = 0, activations = 0;
  };
  struct Trial {
    double level = 0, log_damage = 0;
  };

  std::vector<int> Draw();
  void PlacePrecisions();
  void ListUniform();
  std::vector<int> DrawMixed(double level);
  double ChooseLevel();
  double ExpectedLogDamage(double level) const;
  int Nearest(double weights, double activations) const;
  double Normal();
  double LogDamageOf(double position) const;  // 0: the lower end of the range, 1: the upper

  Options options_;
  SplitMix64 random_;
  std::vector<Place> places_;
  std::vector<int> uniform_;  // precisions of the uniform assignments that are still to come
  std::set<std::vector<int>> drawn_;
  std::vector<Trial> trials_;
  std::vector<double> bins_;  // how full each bin of the range is; misses count too, but less
  int aimed_ = -1;            // the bin that the last assignment was for; -1: none
  double level_ = 0;          // of the last assignment
  size_t mixed_ = 0;          // mixed assignments drawn
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_CROSSCHECK_ASSIGNMENT_SAMPLER_H_
