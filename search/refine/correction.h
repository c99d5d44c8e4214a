#ifndef HALFTONE_SEARCH_REFINE_CORRECTION_H_
#define HALFTONE_SEARCH_REFINE_CORRECTION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "nlohmann/json_fwd.hpp"
#include "search/solver/problem.h"
#include "search/solver/solution.h"

namespace halftone {

// What a group of layers, or two of them together, really do beyond what the model says of them. A
// plain value.
struct Correction {
  // Layers that are chosen together, and their choice.
  struct Part {
    std::vector<std::string> layers;
    std::string choice;
    double loss = 0;  // of the part alone, by the model
  };
  std::vector<Part> parts;  // one, or two that interact; in the order of the problem
  double divergence = 0;    // measured, all other layers staying float
  // To the loss of what chooses all parts. The divergence without the parts' losses; more where
  // three or more groups do more than their pairs, which then share it.
  double added = 0;

  bool IsOfPair() const { return parts.size() == 2; }
  // Whether the assignment chooses all parts.
  bool IsIn(const Assignment& assignment) const;
};

nlohmann::json CorrectionToJson(const Correction& correction);
// INVALID_ARGUMENT names a field that does not fit.
absl::StatusOr<Correction> CorrectionFromJson(const nlohmann::json& json);

// Whether a choice named `coarse` has no more bits than one named `fine`, of weights and of
// activations; equal names have not. False for names that are no precisions.
bool IsNoFiner(const std::string& coarse, const std::string& fine);

// What the corrections say of two choices: the sum that was measured of them, else the most that
// was measured of choices none of which has fewer bits, for fewer bits do no less harm together.
// Absent where they say nothing.
std::optional<double> AddedByPair(absl::Span<const Correction> corrections, const std::string& a,
                                  const std::string& a_choice, const std::string& b,
                                  const std::string& b_choice);

// Adds the corrections to a problem of those layers: to the losses of choices, and as interactions
// of the first layers of parts. What names no layer of the problem is left out.
void ApplyCorrections(absl::Span<const Correction> corrections, Problem& problem);

// Multiplies all losses, with their errors, and interactions.
void MultiplyLosses(double factor, Problem& problem);

}  // namespace halftone

#endif  // HALFTONE_SEARCH_REFINE_CORRECTION_H_
