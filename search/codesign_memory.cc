#include "search/codesign_memory.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/heap_memory.h"
#include "base/memory_budget.h"
#include "profilers/cost_table.h"
#include "search/codesign.h"
#include "search/problem_builder.h"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {
namespace {

// A row of a simulated target's table, but for the layer's name: as text, and as values of JSON, of
// which there are 23 in its objects.
constexpr double kRowText = 560, kRowValues = 3000;
// Its texts that are too long to lie in a std::string.
constexpr double kRowWords = 220;
// Latency, size, energy, bit operations and the peak of activations.
constexpr double kCosts = 5 * kNodeBytes<Costs::value_type>;
// What is chosen of a layer as JSON: in memory and as text.
constexpr double kChoiceValue = 32 + 2 * 32 + 16 + 2 * kAllocationBytes, kChoiceText = 14;
// A point of a frontier without its assignment, likewise; an answer has some more.
constexpr double kPointValue = 1200, kPointText = 320;
constexpr double kAnswer = 4;  // points

// A frontier's points: one for each step from one precision to the next and each pair of layers.
// They are no more where losses fall and costs rise by factors that are drawn.
double FrontierPoints(double layers, double precisions) {
  return std::clamp(0.5 * (precisions - 1) * layers * layers, 2.0,
                    static_cast<double>(kMaxFrontierPoints));
}

// Numbers as sizes.
struct Sizes {
  explicit Sizes(const CodesignSize& size)
      : configurations(static_cast<double>(size.configurations)),
        layers(static_cast<double>(size.layers)),
        names(static_cast<double>(size.name_bytes)),
        rows(layers * static_cast<double>(size.precisions)),
        row_names(names * static_cast<double>(size.precisions)),
        whole(FrontierPoints(layers, static_cast<double>(size.precisions))),
        points(std::min(whole, static_cast<double>(JoinedPointsOfEach(size.configurations)))) {}

  double configurations, layers, names;
  double rows, row_names;  // of one table
  double whole, points;    // of a frontier, and of what is left of it

  double TableTextBytes() const { return kRowText * rows + row_names; }
  // Its values, its rows and the choices that they become.
  double TableReadBytes() const {
    return (kRowValues + 1.5 * sizeof(CostRow) + kRowWords) * rows + 3 * row_names +
           (1.5 * sizeof(Problem::Choice) + kCosts) * rows;
  }
  double AssignmentBytes() const { return kNodeBytes<Assignment::value_type> * layers + names; }
  static double PointBytes() { return sizeof(FrontierPoint) + kCosts; }
  double WholeBytes() const { return whole * (PointBytes() + AssignmentBytes()); }
  double AnswerBytes() const {
    return AssignmentBytes() + kAnswer * PointBytes() + points * PointBytes();
  }
  double WrittenWholeBytes() const {
    const double assignment = (kChoiceValue + kChoiceText) * layers + 2 * names;
    const double point = kPointValue + kPointText;
    return whole * (point + assignment) +
           configurations * (kAnswer * point + assignment + points * point);
  }
};

}  // namespace

double CodesignBytes(const CodesignSize& size) {
  const Sizes sizes(size);
  return sizes.configurations * (sizes.TableTextBytes() + sizes.AnswerBytes()) +
         sizes.WholeBytes() + std::max(sizes.TableReadBytes(), sizes.WrittenWholeBytes());
}

absl::Status CheckCodesignMemory(const CodesignSize& size) {
  CodesignSize fewer = size;
  while (fewer.configurations > 2 && CodesignBytes(fewer) > MemoryBudget::LimitBytes()) {
    --fewer.configurations;
  }
  const bool fits = CodesignBytes(fewer) <= MemoryBudget::LimitBytes();
  return CheckMemory(
      absl::StrCat("the search over ", size.configurations - 1, " configurations"),
      CodesignBytes(size),
      fits ? absl::StrCat("it would fit with ", fewer.configurations - 1,
                          fewer.configurations == 2 ? " configuration" : " configurations")
           : "it would fit with fewer precisions, or a higher limit");
}

}  // namespace halftone
